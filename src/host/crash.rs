//! Places where the process can end itself with SIGKILL, compiled in for tests only.

/// A place where a crash must leave nothing of a third kind.
#[cfg(not(feature = "test-support"))]
pub fn point(_place: &str) {}

/// Ends the process at the place whose number, counted from 1, is in `KOR_CLUSTER_CRASH_AT`, and goes on
/// no further at that in `KOR_CLUSTER_STAY_AT`; where that is `NAME+N`, at the Nth place behind the first of
/// that name. The names of all places that were passed go to the file in `KOR_CLUSTER_CRASH_LOG`.
#[cfg(feature = "test-support")]
pub fn point(place: &str) {
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};
    static PASSED: AtomicUsize = AtomicUsize::new(0);

    let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if let Ok(path) = std::env::var("KOR_CLUSTER_CRASH_LOG") {
        let _ = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| writeln!(file, "{number} {place}"));
    }
    if asked("KOR_CLUSTER_CRASH_AT", place, number) == Some(number) {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        wait_for_ever();
    }
    if asked("KOR_CLUSTER_STAY_AT", place, number) == Some(number) {
        wait_for_ever();
    }
}

/// The number of the place that a variable asks for, as far as it is known at this one.
#[cfg(feature = "test-support")]
fn asked(variable: &str, place: &str, number: usize) -> Option<usize> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NAMED: AtomicUsize = AtomicUsize::new(0);

    let text = std::env::var(variable).ok()?;
    let Some((name, behind)) = text.split_once('+') else {
        return text.parse().ok();
    };
    if name == place {
        let _ = NAMED.compare_exchange(0, number, Ordering::SeqCst, Ordering::SeqCst);
    }
    let named = NAMED.load(Ordering::SeqCst);
    (named > 0).then_some(named + behind.parse::<usize>().ok()?)
}

#[cfg(feature = "test-support")]
fn wait_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
