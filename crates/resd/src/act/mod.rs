//! Acting on the machine. Each file owns one way of doing so: no other file of resd uses netlink, packet sockets, mounts,
//! programs, disk leases, D-Bus or the OCF calling convention.

pub mod arp;
pub mod evict;
pub mod exec;
pub mod frames;
pub mod icmp;
pub mod lease;
pub mod lease_keeper;
pub mod mount;
pub mod netlink;
pub mod ocf;
pub mod systemd;
