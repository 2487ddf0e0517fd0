//! From captured bytes to the facts of each flow. The modules stand in the order of the data:
//! each may use only those above it.

pub mod bytes;
pub mod map;
pub mod side;
pub mod text;

pub mod capture;
pub mod packet;

pub mod http;
pub mod ssh;
pub mod tls;

pub mod conversation;
pub mod facts;
pub mod flow;

pub mod journal;
pub mod judge;
pub mod survey;

pub mod analysis;
pub mod trace;
