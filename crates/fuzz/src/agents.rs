//! What programs and shared disks tell resd.

/// Output of agents and tools, pages of a shared disk.
pub fn agents(data: &[u8]) {
    resd::untrusted::agent_output(data);
    resd::untrusted::lease_page(data);
}
