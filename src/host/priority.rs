//! How much of the processor this tool leaves to others.

/// Lets others of the host go before this thread, and those that it starts. The higher, the more,
/// from 0 to 19. What cannot be had is done without: it changes no result.
pub fn lower_this_thread(nice: u8) {
    // To Linux, what this calls a process is a thread.
    let _ = rustix::process::setpriority_process(None, i32::from(nice.min(19)));
}
