//! The scrape loop: fetch, decode, append; targets are closures or HTTP URLs
