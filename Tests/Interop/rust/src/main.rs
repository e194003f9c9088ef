// A patient's story told to a clinicd by the public Rust crate for ttrpc, to show that it is served unchanged.
//
//     client unix:/run/clinic/clinic.sock
//     client tcp:127.0.0.1:7411
//
// It prints a line for each thing that held and ends with status 1 at the first one that did not. The clinic needs a
// doctor with a free slot, as `clinicd seed-demo` makes them.

mod clinic;
mod story;

/// What build.rs made of proto/.
mod messages {
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() != 2 {
        eprintln!("usage: client unix:PATH | tcp:HOST:PORT");
        std::process::exit(2);
    }
    if let Err(problem) = story::tell(&arguments[1]) {
        eprintln!("client: {}", problem);
        std::process::exit(1);
    }
}
