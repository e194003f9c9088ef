// Makes the messages from proto/ as it is; CLINIC_PROTO says where that is.

use std::{env, fs, path::Path};

const FILES: [&str; 7] = [
    "clinic/v1/types.proto",
    "clinic/v1/user_service.proto",
    "clinic/v1/doctor_service.proto",
    "clinic/v1/booking_service.proto",
    "clinic/v1/payment_service.proto",
    "google/rpc/error_details.proto",
    "grpc/health/v1/health.proto",
];

fn main() {
    let root = env::var("CLINIC_PROTO").expect("CLINIC_PROTO is not set");
    let output = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let inputs: Vec<String> = FILES.iter().map(|file| format!("{}/{}", root, file)).collect();
    protobuf_codegen_pure::Codegen::new()
        .out_dir(&output)
        .inputs(&inputs)
        .include(&root)
        .run()
        .expect("the messages cannot be generated");
    let modules: String = FILES
        .iter()
        .map(|file| Path::new(file).file_stem().unwrap().to_str().unwrap())
        .map(|name| format!("#[allow(clippy::all)]\npub mod {};\n", name))
        .collect();
    fs::write(format!("{}/mod.rs", output), modules).expect("the list of modules cannot be written");
}
