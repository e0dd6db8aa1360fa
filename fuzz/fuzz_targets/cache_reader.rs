#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    pycwarm_fuzz::cache_reader::run(data);
});
