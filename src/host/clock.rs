//! Time as the outputs write it.

use jiff::Timestamp;

/// Now, in whole seconds since 1970.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

/// `2026-01-31T12:00:00Z`
pub fn iso(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |t| t.to_string())
}

/// The seconds since 1970 of an engine's time stamp; nothing for its zero time.
pub fn parse_iso(text: &str) -> Option<i64> {
    let seconds = text.parse::<Timestamp>().ok()?.as_second();
    (seconds > 0).then_some(seconds)
}

/// For people: `3 min ago`.
pub fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// A compact stamp for file names: `20260131_120000`.
pub fn stamp(seconds: i64) -> String {
    iso(seconds)
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .chars()
        .enumerate()
        .flat_map(|(i, c)| (i == 8).then_some('_').into_iter().chain([c]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(parse_iso("2026-01-31T12:00:00.5Z"), Some(1_769_860_800));
        assert_eq!(parse_iso("0001-01-01T00:00:00Z"), None);
        assert_eq!(stamp(1_769_860_800), "20260131_120000");
    }
}
