use holm_core::Sensitive;

/// A secret value has no text for people.
fn print(password: Sensitive<String>) {
    println!("{password}");
}

fn main() {}
