//! What a browser makes of a page's scripts, as far as it takes to tell whether they can run: an
//! import that it cannot resolve leaves the page blank, though every address answers.
//!
//! Only imports at the beginning of a script are looked at, up to the first other statement:
//! bundlers put them there. So no text further down, in a string or in minified code, is taken for
//! one, and a script of megabytes costs as little as a small one.

use serde::Serialize;

/// A script that a page names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its address, as the page has it.
    pub address: String,
    /// Whether it is a module.
    pub module: bool,
}

/// What a page says about its scripts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The scripts that it names, in their order.
    pub scripts: Vec<Script>,
    /// The names that it has addresses for (an import map); one with `/` at its end means all that
    /// begin with it.
    pub mapped: Vec<String>,
}

/// Why a page's script cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageFault {
    /// The address of the script, or of the page itself.
    pub script: String,
    /// What it imports in vain, where that is the fault.
    pub import: Option<String>,
    /// What is wrong.
    pub why: String,
}

impl Page {
    /// Reads the page's text.
    pub fn parse(html: &str) -> Self {
        let mut page = Page::default();
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            rest = &rest[at..];
            if let Some(comment) = rest.strip_prefix("<!--") {
                rest = comment.find("-->").map_or("", |end| &comment[end..]);
                continue;
            }
            let Some(tag) = strip_word(rest, "<script") else {
                rest = &rest[1..];
                continue;
            };
            let (attributes, text) = attributes(tag);
            let end = find_ignoring_case(text, "</script").unwrap_or(text.len());
            page.take(&attributes, &text[..end]);
            rest = &text[end..];
        }
        page
    }

    fn take(&mut self, attributes: &[(String, String)], text: &str) {
        let get = |name: &str| {
            attributes
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.trim())
        };
        let kind = get("type").unwrap_or_default().to_lowercase();
        if kind == "importmap" {
            let map: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            let names = map["imports"].as_object().into_iter().flatten();
            self.mapped.extend(names.map(|(name, _)| name.clone()));
            return;
        }
        let module = kind == "module";
        let runs =
            module || kind.is_empty() || kind.contains("javascript") || kind.contains("ecmascript");
        // A browser that knows modules leaves out what is meant for others.
        let for_others = !module && get("nomodule").is_some();
        if let Some(address) = get("src").filter(|a| !a.is_empty() && runs && !for_others) {
            self.scripts.push(Script {
                address: address.replace("&amp;", "&"),
                module,
            });
        }
    }

    /// What is wrong with the imports of one of its scripts.
    pub fn fault_of(&self, script: &Script, text: &str) -> Option<PageFault> {
        let found = imports(text);
        let (import, why) = if script.module {
            let bare = found.into_iter().find(|name| !self.resolves(name))?;
            (bare, "a browser cannot tell where that is")
        } else {
            let first = found.into_iter().next()?;
            (first, "a script that is no module cannot import")
        };
        Some(PageFault {
            script: script.address.clone(),
            import: Some(import),
            why: why.to_owned(),
        })
    }

    /// Whether a browser finds what a module imports: an address, a path, or a name of the map.
    fn resolves(&self, name: &str) -> bool {
        let is_path = ["/", "./", "../"]
            .iter()
            .any(|start| name.starts_with(start));
        is_path
            || has_scheme(name)
            || self.mapped.iter().any(|mapped| {
                mapped == name || (mapped.ends_with('/') && name.starts_with(mapped.as_str()))
            })
    }
}

/// The address of a script within the page's own origin; none where it is of another one.
pub fn within_origin(page: &str, address: &str) -> Option<String> {
    if address.starts_with("//") || has_scheme(address) {
        return None;
    }
    let bare = address.split('#').next().unwrap_or_default();
    let (path, query) = bare
        .split_once('?')
        .map_or((bare, None), |(p, q)| (p, Some(q)));
    let whole = match path.starts_with('/') {
        true => path.to_owned(),
        false => {
            let directory = page.split('?').next().unwrap_or_default();
            let end = directory.rfind('/').map_or(0, |at| at + 1);
            format!("{}{path}", &directory[..end])
        }
    };
    let mut parts = Vec::new();
    for part in whole.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    Some(format!("/{}{query}", parts.join("/")))
}

fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// What stands behind a tag's name, where it begins with that and the name ends there.
fn strip_word<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let head = text.get(..name.len())?;
    let rest = &text[name.len()..];
    (head.eq_ignore_ascii_case(name)
        && rest.starts_with(|c: char| c.is_whitespace() || "/>".contains(c)))
    .then_some(rest)
}

fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find('<').map(|at| from + at) {
        match text.get(at..at + word.len()) {
            Some(there) if there.eq_ignore_ascii_case(word) => return Some(at),
            _ => from = at + 1,
        }
    }
    None
}

/// A tag's attributes (names in small letters), and what stands behind the tag.
fn attributes(tag: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(behind) = rest.strip_prefix('>') {
            return (found, behind);
        }
        let ends = |c: char| c.is_whitespace() || "=/>".contains(c);
        // An equals sign at the beginning is part of a name.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find(ends).map_or(rest.len(), |at| first + at);
        let name = rest[..end].to_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(behind) = rest.strip_prefix('=') {
            let behind = behind.trim_start();
            (value, rest) = match behind.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let inner = &behind[1..];
                    inner.split_once(quote).unwrap_or((inner, ""))
                }
                _ => {
                    let end = behind
                        .find(|c: char| c.is_whitespace() || c == '>')
                        .unwrap_or(behind.len());
                    behind.split_at(end)
                }
            };
        }
        found.push((name, value.to_owned()));
    }
}

/// What a script imports at its beginning.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut code = Code(text.strip_prefix('\u{feff}').unwrap_or(text));
    if code.0.starts_with("#!") {
        code.skip_line();
    }
    loop {
        code.skip_blank(true);
        if code.string().is_some() {
            // A directive such as "use strict"; with more behind it, it is another statement.
            code.skip_blank(false);
            if code.0.starts_with([';', '"', '\'']) || code.0.starts_with("import") {
                continue;
            }
            return found;
        }
        match code.import() {
            Some(name) => found.push(name.to_owned()),
            None => return found,
        }
    }
}

/// The rest of a script's text.
struct Code<'a>(&'a str);

impl<'a> Code<'a> {
    /// An import statement; nothing where there is another one, also `import(…)`.
    fn import(&mut self) -> Option<&'a str> {
        if self.word() != "import" {
            return None;
        }
        self.skip_blank(false);
        let name = match self.string() {
            Some(name) => name,
            None => self.from()?,
        };
        self.skip_blank(false);
        // What says of which type the imported is.
        let mut behind = Code(self.0);
        if ["with", "assert"].contains(&behind.word()) {
            behind.skip_blank(false);
            if behind.0.starts_with('{') {
                self.0 = behind.0.split_once('}')?.1;
            }
        }
        Some(name)
    }

    /// What stands between `import` and its string: names, stars, commas and braces.
    fn from(&mut self) -> Option<&'a str> {
        let mut braces = false;
        loop {
            self.skip_blank(false);
            if let Some(rest) = self.0.strip_prefix([',', '*']) {
                self.0 = rest;
            } else if let Some(rest) = self.0.strip_prefix('{').filter(|_| !braces) {
                (self.0, braces) = (rest, true);
            } else if let Some(rest) = self.0.strip_prefix('}').filter(|_| braces) {
                (self.0, braces) = (rest, false);
            } else if braces && self.string().is_some() {
                // A name that is no identifier, such as in { "a-b" as c }.
            } else {
                match self.word() {
                    "" => return None,
                    "from" if !braces => {
                        self.skip_blank(false);
                        if let Some(name) = self.string() {
                            return Some(name);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// A name or keyword; empty where there is none.
    fn word(&mut self) -> &'a str {
        let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        if self.0.starts_with(char::is_numeric) {
            return "";
        }
        let end = self.0.find(|c| !part(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    /// A string's inner text, escapes as they stand.
    fn string(&mut self) -> Option<&'a str> {
        let quote = self.0.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let inner = &self.0[1..];
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                '\n' => return None,
                _ if c == quote => {
                    self.0 = &inner[at + 1..];
                    return Some(&inner[..at]);
                }
                _ => {}
            }
        }
        None
    }

    /// Blanks and comments, and empty statements too where one may begin.
    fn skip_blank(&mut self, statements: bool) {
        loop {
            let blank = |c: char| c.is_whitespace() || c == '\u{feff}' || (statements && c == ';');
            self.0 = self.0.trim_start_matches(blank);
            if self.0.starts_with("//") {
                self.skip_line();
            } else if let Some(comment) = self.0.strip_prefix("/*") {
                self.0 = comment.split_once("*/").map_or("", |(_, rest)| rest);
            } else {
                return;
            }
        }
    }

    fn skip_line(&mut self) {
        let ends = ['\n', '\r', '\u{2028}', '\u{2029}'];
        self.0 = self.0.find(ends).map_or("", |at| &self.0[at..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn module(text: &str) -> Option<String> {
        let script = Script {
            address: "/a.js".to_owned(),
            module: true,
        };
        Page::default().fault_of(&script, text)?.import
    }

    fn classic(text: &str) -> Option<String> {
        let script = Script {
            address: "/a.js".to_owned(),
            module: false,
        };
        Page::default().fault_of(&script, text)?.import
    }

    #[test]
    fn imports_are_found_at_the_beginning() {
        for text in [
            "import{a as b}from\"@wendig/lib\";var x=1",
            "import x from '@wendig/lib'",
            "import '@wendig/lib'",
            "import * as w from \"@wendig/lib\"",
            "import d, { \"a-b\" as c, e } from \"@wendig/lib\" with { type: 'json' };",
            "/*! banner import */\n// import\n'use strict';\nimport './ok.js';import from from'@wendig/lib'",
            "#!/usr/bin/env node\n\u{feff}import/**/w/**/from/**/'@wendig/lib'",
            "import a from'/a.js'\nimport b from 'https://h/b.js'\nimport c from '@wendig/lib'",
        ] {
            assert_eq!(module(text).as_deref(), Some("@wendig/lib"), "{text}");
            assert!(classic(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_import_statement_gives_no_alarm() {
        for text in [
            "",
            "import('@wendig/lib').then(f)",
            "import.meta.url",
            "importantThing('x')",
            "var s='import x from \"y\"';import z from 'z'",
            "'import x from \"y\"'.length",
            "`import x from 'y'`",
            "// import x from 'y'\nf()",
            "/* import x from 'y' */f()",
            "import x",
            "import x from",
            "import x from 'y",
            "import 5 from 'y'",
            "f();import x from 'y'",
        ] {
            assert_eq!(module(text), None, "{text}");
            assert_eq!(classic(text), None, "{text}");
        }
        assert_eq!(
            module("import a from './a.js';import b from '../b.js'"),
            None
        );
        assert_eq!(classic("import a from './a.js'").as_deref(), Some("./a.js"));
    }

    #[test]
    fn a_page_names_its_scripts() {
        let page = Page::parse(
            r#"<!doctype html><!-- <script src="old.js"></script> -->
            <SCRIPT Type=module crossorigin src=/assets/index.js></SCRIPT>
            <script defer src='app.js?a=1&amp;b=2'>ignored "<script src=x>" text</script>
            <script type="importmap">{"imports":{"vue":"/vue.js","lib/":"/lib/"}}</script>
            <script type="application/json" src="data.json"></script>
            <script nomodule src="old.js"></script><scripty src="no.js">
            <script>import x from "inline"</script>
            <script src="last.js"/>"#,
        );
        let names: Vec<_> = page
            .scripts
            .iter()
            .map(|s| (s.address.as_str(), s.module))
            .collect();
        assert_eq!(
            names,
            [
                ("/assets/index.js", true),
                ("app.js?a=1&b=2", false),
                ("last.js", false)
            ]
        );
        let script = &page.scripts[0];
        assert_eq!(
            page.fault_of(script, "import v from 'vue';import l from 'lib/a'"),
            None
        );
        assert!(page.fault_of(script, "import v from 'vue/x'").is_some());
    }

    #[test]
    fn addresses_are_those_of_the_same_origin() {
        for (page, address, whole) in [
            ("/", "app.js", Some("/app.js")),
            ("/", "/a/b.js?x=1#y", Some("/a/b.js?x=1")),
            ("/kor/index.html", "./js/a.js", Some("/kor/js/a.js")),
            ("/kor/", "../a.js", Some("/a.js")),
            ("/", "../../a.js", Some("/a.js")),
            ("/", "//cdn.org/a.js", None),
            ("/", "https://cdn.org/a.js", None),
            ("/", "data:text/javascript,1", None),
        ] {
            assert_eq!(within_origin(page, address).as_deref(), whole, "{address}");
        }
    }

    #[test]
    fn a_large_script_costs_no_more_than_a_small_one() {
        let large = format!("var a=1;{}", "import x from 'y';".repeat(500_000));
        let begun = std::time::Instant::now();
        assert_eq!(module(&large), None);
        assert!(begun.elapsed().as_millis() < 100);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,80}") {
            let page = Page::parse(&text);
            let _ = (page, imports(&text), within_origin("/", &text), within_origin(&text, "a"));
        }

        #[test]
        fn near_misses_make_it_no_panic(
            parts in prop::collection::vec(prop::sample::select(vec![
                "import", " ", "from", "'", "\"", "{", "}", "*", ",", "x", "\\", "/*", "*/", "//",
                "\n", ";", "(", "ü", "<script", "src=", ">", "</script>", "<!--", "-->", "=", "with",
            ]), 0..30)
        ) {
            let text = parts.concat();
            let _ = (Page::parse(&text), imports(&text));
        }

        #[test]
        fn a_bare_name_behind_any_good_imports_is_found(good in 0usize..20, name in "@?[a-z]{1,9}(/[a-z]{1,5})?") {
            let text = format!("{}import{{a}}from'{name}';f()", "import g from './g.js';".repeat(good));
            prop_assert_eq!(module(&text), Some(name));
        }

        #[test]
        fn code_that_begins_otherwise_gives_no_alarm(code in "(var|let|const|\\(|!)[ -~]{0,80}") {
            prop_assert_eq!(classic(&code), None);
        }
    }
}
