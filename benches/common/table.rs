//! What was measured, as a table and as one JSON object.

/// Lines of the table, and the keys of the object.
#[derive(Default)]
pub struct Table {
    lines: Vec<(String, String, String)>,
    keys: Vec<(&'static str, f64)>,
}

impl Table {
    /// A line that is a key as well; the limit is what is promised, where something is.
    pub fn key(&mut self, key: &'static str, what: &str, value: f64, limit: Option<f64>) {
        let unit = key.rsplit('_').next().unwrap_or_default();
        let unit = match unit {
            "s" => "s",
            "ms" => "ms",
            "mib" => "MiB",
            _ => "",
        };
        let limit = limit.map_or(String::new(), |limit| {
            let verdict = if value <= limit { "" } else { "  missed" };
            format!("≤ {}{verdict}", measure(limit, unit))
        });
        self.line(what, &measure(value, unit), &limit);
        self.keys.push((key, value));
    }

    /// A line that only stands in the table.
    pub fn line(&mut self, what: &str, value: &str, note: &str) {
        self.lines
            .push((what.to_owned(), value.to_owned(), note.to_owned()));
    }

    /// Prints both, the object last.
    pub fn print(&self) {
        for (what, value, note) in &self.lines {
            let line = format!("{what:<58} {value:>12}   {note}");
            println!("{}", line.trim_end());
        }
        let keys: Vec<String> = self
            .keys
            .iter()
            .map(|(key, value)| format!("\"{key}\":{value:.2}"))
            .collect();
        println!("{{{}}}", keys.join(","));
    }
}

fn measure(value: f64, unit: &str) -> String {
    match unit {
        "s" => format!("{value:.1} s"),
        "" => format!("{value:.2}"),
        _ => format!("{value:.0} {unit}"),
    }
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The greatest one.
pub fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
