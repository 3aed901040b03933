//! How much of the processor this tool leaves to others.

/// Lets others of the host go before this thread, and those that it starts. The higher, the more,
/// from 0 to 19. What cannot be had is done without: it changes no result.
pub fn lower_this_thread(nice: u8) {
    // To Linux, what this calls a process is a thread.
    let _ = rustix::process::setpriority_process(None, i32::from(nice.min(19)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[test]
    fn a_thread_and_those_that_it_starts_give_way_and_no_other_does() {
        let before = mine();
        let lowered = std::thread::spawn(|| {
            lower_this_thread(19);
            (mine(), std::thread::spawn(mine).join().unwrap())
        });
        assert_eq!(lowered.join().unwrap(), (19, 19));
        assert_eq!(mine(), before);
    }
}
