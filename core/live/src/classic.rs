//! The filter for where eBPF may not be used: a classic program that passes the TCP of some ports whole. It counts
//! nothing and knows no flows.

use libc::sock_filter;

/// Each port is tested twice and a jump has eight bits: with more ports all TCP passes.
pub const MAX_PORTS: usize = 100;
/// Whole packets: a classic program does not know how far a conversation has come.
const WHOLE: u32 = 256 * 1024;

// linux/filter.h: offsets that mean the network header, and the number of its protocol.
const NETWORK: u32 = (-0x10_0000_i32).cast_unsigned();
const PROTOCOL: u32 = (-0x1000_i32).cast_unsigned();

const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF_INDEXED: u16 = 0x48;
const INDEX: u16 = 0x01;
/// Four times the low half of a byte: the length of an IPv4 header.
const INDEX_OF_HEADER: u16 = 0xb1;
const JUMP: u16 = 0x05;
const EQUAL: u16 = 0x15;
const ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const TCP: u32 = 6;
const FRAGMENT_OFFSET: u32 = 0x1fff;

/// The program for these ports.
pub fn program(ports: &[u16]) -> Vec<sock_filter> {
    let ports = if ports.len() > MAX_PORTS { &[] } else { ports };
    let tests = ports.len() as u8;
    let step = |code, k| sock_filter { code, jt: 0, jf: 0, k };
    let test = |code, k, jt, jf| sock_filter { code, jt, jf, k };
    let mut program = vec![
        step(LOAD_HALF, PROTOCOL),
        test(EQUAL, IPV4, 2, 0),
        test(EQUAL, IPV6, 7, 0),
        step(RETURN, 0),
        step(LOAD_BYTE, NETWORK + 9),
        test(EQUAL, TCP, 0, 8),
        step(LOAD_HALF, NETWORK + 6),
        test(ANY_BIT, FRAGMENT_OFFSET, 6, 0),
        step(INDEX_OF_HEADER, NETWORK),
        step(JUMP, 5),
        step(LOAD_BYTE, NETWORK + 6),
        test(EQUAL, TCP, 0, 2),
        step(INDEX, 40),
        step(JUMP, 1),
        step(RETURN, 0),
    ];
    if !ports.is_empty() {
        for (end, behind) in [(0, tests + 2), (2, 1)] {
            program.push(step(LOAD_HALF_INDEXED, NETWORK + end));
            program.extend(
                ports.iter().zip((0..tests).rev()).map(|(port, left)| test(EQUAL, u32::from(*port), left + behind, 0)),
            );
        }
        program.push(step(RETURN, 0));
    }
    program.push(step(RETURN, WHOLE));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_stays_within_the_program() {
        for count in [0, 1, 2, MAX_PORTS, MAX_PORTS + 1] {
            let program = program(&(1..=count as u16).collect::<Vec<_>>());
            for (at, step) in program.iter().enumerate() {
                assert!(at + 1 + usize::from(step.jt.max(step.jf)) <= program.len() - usize::from(step.code != RETURN));
            }
        }
    }

    #[test]
    fn a_port_that_matches_jumps_to_the_end() {
        let program = program(&[443, 6443, 10250]);
        let whole = program.len() - 1;
        let tests =
            program.iter().enumerate().filter(|(_, step)| step.code == EQUAL && [443, 6443, 10250].contains(&step.k));
        let targets: Vec<_> = tests.map(|(at, step)| at + 1 + usize::from(step.jt)).collect();
        assert_eq!(targets, [whole; 6]);
    }
}
