//! One verb, killed at the places that were chosen. Nothing is copied back between two of them: the
//! old state is where the next begins, and the new one is left by what reverses the verb.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use serde_json::Value;

use super::Choice;
use super::cases::Case;
use super::sample::Passed;
use crate::call::Ran;
use crate::chance::Chance;
use crate::ground::Ground;
use crate::harness::PLACE;
use crate::picture::{self, Picture};
use crate::tally::Tally;

/// What a process that ended by SIGKILL ends with.
const KILLED: i32 = 137;

/// So many of a third kind are enough to know of.
const ENOUGH: usize = 4;

/// Kills one verb at its places. What fails outside of it ends this case, and not the others.
pub fn walk(
    case: &Case,
    shared: &mut Option<Ground>,
    choice: &Choice,
    chance: &mut Chance,
) -> Tally {
    let mut tally = Tally::on("real");
    let mut own = None;
    let ground = if case.own { &mut own } else { shared };
    let begun = Instant::now();
    let walked = catch_unwind(AssertUnwindSafe(|| {
        places(case, ground, choice, chance, &mut tally);
    }));
    eprintln!("{}: {tally} in {:?}", case.name, begun.elapsed());
    if walked.is_err() {
        tally.other(format!("{}: it could not be tried to its end", case.name));
        *ground = None;
    }
    tally
}

fn places(
    case: &Case,
    ground: &mut Option<Ground>,
    choice: &Choice,
    chance: &mut Chance,
    tally: &mut Tally,
) {
    let mut bench = Bench::new(case, ground.take().unwrap_or_else(case.ground), tally);
    for at in choice(&bench.passed, chance) {
        let before = tally.other;
        if at > 1 {
            bench.kill_at(at, tally);
        }
        if tally.other == ENOUGH {
            return;
        }
        if tally.other > before {
            // Nobody knows what there is now.
            bench = Bench::new(case, (case.ground)(), &mut Tally::on("real"));
        }
    }
    (case.tidy)(&bench.ground);
    *ground = Some(bench.ground);
}

struct Bench<'a> {
    case: &'a Case,
    ground: Ground,
    old: Picture,
    new: Picture,
    passed: Passed,
}

impl<'a> Bench<'a> {
    fn new(case: &'a Case, ground: Ground, tally: &mut Tally) -> Self {
        (case.prepare)(&ground);
        let mut bench = Bench {
            case,
            old: ground.picture(),
            ground,
            new: Picture::default(),
            passed: Passed::default(),
        };
        // Its plan is in the journal when it passes its first place.
        let killed = bench.killed(1);
        let begin = bench.begin_record();
        bench.judge(1, &killed, tally);

        let log = bench.ground.beside.join("places");
        let _ = fs::remove_file(&log);
        let call = bench.ground.typed(case.words);
        call.env("KOR_CLUSTER_CRASH_LOG", &log).expect(case.code);
        let log = fs::read_to_string(log).unwrap();
        bench.passed = Passed::of(&log, begin.as_ref());
        bench.new = bench.ground.picture();
        bench.reset();
        bench
    }

    fn killed(&self, at: usize) -> Ran {
        let call = self.ground.typed(self.case.words);
        call.env("KOR_CLUSTER_CRASH_AT", at.to_string()).run()
    }

    fn begin_record(&self) -> Option<Value> {
        let journal = self.ground.cluster.root.join(".kor-cluster/journal");
        let file = fs::read_dir(journal).ok()?.next()?.unwrap().path();
        let text = fs::read_to_string(file).unwrap();
        serde_json::from_str(text.lines().next()?).ok()
    }

    fn kill_at(&mut self, at: usize, tally: &mut Tally) {
        let begun = Instant::now();
        let killed = self.killed(at);
        if killed.code != KILLED {
            // The number of rounds and tries is not always the same.
            assert_eq!(killed.code, self.case.code, "{}{}", killed.out, killed.err);
            eprintln!("{}: ended before place {at}", self.case.name);
            self.reset();
            return;
        }
        let ended = self.judge(at, &killed, tally);
        let (name, place, took) = (self.case.name, self.passed.name(at), begun.elapsed());
        eprintln!("{took:.1?} {ended} {name} {place}");
    }

    /// Recovers, and says which state that came to.
    fn judge(&mut self, at: usize, killed: &Ran, tally: &mut Tally) -> &'static str {
        let chain = self.killed_recovery(at);
        let (first, again) = (self.recover(), self.recover());
        tally.places += 1;
        let name = format!(
            "{} killed at {} {chain:?}",
            self.case.name,
            self.passed.name(at)
        );
        if !(is_fine(&first) && is_fine(&again) && changed(&again) == Some(false)) {
            tally.other(format!("{name}: {killed:?}\n{first:?}\n{again:?}"));
            return "other";
        }
        let now = self.ground.picture();
        let made = self.case.made;
        let loosely =
            |of: &Picture| made.map_or_else(|| of.clone(), |name| of.but_content_of(name));
        let is_old = now == self.old;
        if !is_old && loosely(&now) != loosely(&self.new) {
            let from = [&self.old, &self.new].map(|of| now.differences(of));
            tally.other(format!(
                "{name}: unlike the old state in\n{}and the new one in\n{}{killed:?}",
                from[0], from[1]
            ));
            return "other";
        }
        if picture::runs(&self.ground.cluster.database())
            && let Err(why) = self.ground.is_writable()
        {
            tally.other(format!("{name}: {why}"));
            return "other";
        }
        if is_old {
            tally.old += 1;
            return "old";
        }
        tally.new += 1;
        self.reset();
        "new"
    }

    /// Kills some recoveries themselves: that leaves no more of a mess than the first crash.
    fn killed_recovery(&self, at: usize) -> Option<usize> {
        let inner = at.is_multiple_of(3).then_some(1 + (at / 3) % 23)?;
        let call = self.ground.recovery();
        let killed = call.env("KOR_CLUSTER_CRASH_AT", inner.to_string()).run();
        (killed.code == KILLED).then_some(inner)
    }

    fn recover(&self) -> Ran {
        let ran = self.ground.recovery().run();
        if ran.code == 7 && ran.err.contains("boot, then") {
            self.ground.does("cluster.sh boot");
            return self.ground.recovery().run();
        }
        if ran.code == 4 && is_empty(&self.ground) {
            // It was killed before it made anything.
            let out = r#"{"changed":false}"#.to_owned();
            return Ran {
                code: 0,
                out,
                ..ran
            };
        }
        ran
    }

    /// From the new state back to the old one.
    fn reset(&mut self) {
        (self.case.reset)(&self.ground);
        let now = self.ground.picture();
        let made = self.case.made.unwrap_or_default();
        let (is, of) = (now.but_content_of(made), self.old.but_content_of(made));
        assert!(
            is == of,
            "{} reversed: {}",
            self.case.name,
            is.differences(&of)
        );
        self.old = now;
    }
}

fn is_fine(ran: &Ran) -> bool {
    ran.code == 0
}

fn changed(ran: &Ran) -> Option<bool> {
    let said: Value = serde_json::from_str(&ran.out).ok()?;
    said["changed"].as_bool()
}

/// Whether there is no cluster, and nothing of one.
fn is_empty(ground: &Ground) -> bool {
    assert!(ground.cluster.root.starts_with(&*PLACE));
    fs::read_dir(&ground.cluster.root).map_or(true, |mut entries| entries.next().is_none())
}
