//! What differs from run to run in a transcript, and what stands in its place.

/// The filters for insta: addresses, versions of programs, times, durations, counts of requests, uids, names of pods; and what
/// the embedded cluster says of itself, so that one transcript serves both clusters.
pub fn filters() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"embedded cluster, simulated node: [^\n]*\n", ""),
        (r"\nnote: made with the embedded cluster[^\n]*\n", ""),
        (r"v1\.37\.2\+holm-apiserver", "v1.37.2"),
        (r"https://127\.0\.0\.1:\d+", "https://127.0.0.1:PORT"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"\b\d+ requests\b", "N requests"),
        (r"\b(\d+m ?)?\d+(\.\d+)?m?s\b", "DURATION"),
        (r"\b([a-z-]+)-[0-9a-f]{8,10}-[a-z0-9]{5}\b", "$1-POD"),
    ]
}
