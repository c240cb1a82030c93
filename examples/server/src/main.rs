//! A thin server composed from Promethium's crates.
mod config;
fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    println!("{:?}", config::Config::load(path.as_ref(), 1 << 20));
}
