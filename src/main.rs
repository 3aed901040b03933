//! The tool's entry: arguments in, exit code out. Everything is in the library.

fn main() {
    let code = kor_cluster::cli::main(std::env::args_os().collect());
    // Threads that wait for input must not hold the process up.
    std::process::exit(i32::from(code));
}
