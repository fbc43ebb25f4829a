#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| hotpair_fuzz::frames::disk(data));
