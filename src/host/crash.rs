//! Places where the process can end itself with SIGKILL, compiled in for tests only.

/// A place where a crash must leave nothing of a third kind.
#[cfg(not(feature = "test-support"))]
pub fn point(_place: &str) {}

/// Ends the process at the place whose number, counted from 1, is in `KOR_CLUSTER_CRASH_AT`; or, where that
/// is `NAME+N`, at the Nth place behind the first of that name. The names of all places that were passed go
/// to the file in `KOR_CLUSTER_CRASH_LOG`.
#[cfg(feature = "test-support")]
pub fn point(place: &str) {
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};
    static PASSED: AtomicUsize = AtomicUsize::new(0);
    static NAMED: AtomicUsize = AtomicUsize::new(0);

    let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if let Ok(path) = std::env::var("KOR_CLUSTER_CRASH_LOG") {
        let _ = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| writeln!(file, "{number} {place}"));
    }
    let asked = std::env::var("KOR_CLUSTER_CRASH_AT").ok();
    let at = asked.and_then(|text| match text.split_once('+') {
        None => text.parse().ok(),
        Some((name, behind)) => {
            if name == place {
                let _ = NAMED.compare_exchange(0, number, Ordering::SeqCst, Ordering::SeqCst);
            }
            let named = NAMED.load(Ordering::SeqCst);
            let behind = behind.parse::<usize>().ok()?;
            (named > 0).then_some(named + behind)
        }
    });
    if at == Some(number) {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
