//! What somebody may have meant who wrote something else.

/// Returns "did you mean" with the candidate that is nearest to what was given, if one is near enough.
pub fn did_you_mean<'c>(given: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let near = candidates.into_iter().filter(|candidate| is_near(given, candidate));
    let nearest = near.min_by_key(|candidate| distance(given, candidate))?;
    Some(format!("did you mean \"{nearest}\"?"))
}

/// Whether one text may be a slip for another.
pub fn is_near(given: &str, candidate: &str) -> bool {
    given != candidate && distance(given, candidate) <= 1 + given.chars().count() / 3
}

fn distance(one: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(&one.to_lowercase(), &other.to_lowercase())
}
