//! The engine on the interfaces of a running Linux machine: the kernel selects and counts (`bpf/`), a ring carries,
//! the engine understands. The modules stand in the order of the data, except that `agent` knows all of them.

pub mod group;
pub mod interface;
pub mod shared;

pub mod classic;
pub mod load;
pub mod select;
pub mod sockets;

pub mod ring;

pub mod capture;
pub mod translation;

pub mod agent;
