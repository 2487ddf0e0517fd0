//! A `TPACKET_V3` ring of an `AF_PACKET` socket: the kernel fills blocks, we read them where they lie and hand them
//! back. All `unsafe` of receiving is here; what the frames hold is not looked at.

use engine::capture::{Frame, LinkType};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes of one block: more than the longest frame (64 KiB with offloads), few enough for many blocks.
const BLOCK_BYTES: u32 = 1 << 19;
/// What the kernel wants to be told of frames; `TPACKET_V3` packs them tighter.
const FRAME_BYTES: u32 = 1 << 11;
/// A block that is not full is handed over after so long.
const RETIRE_MS: u32 = 50;
/// The least ring: a block being filled and one being read.
const MIN_BLOCKS: u32 = 2;

/// Where in a block its header says things, and in a frame's header (`struct tpacket_hdr_v1`, `struct tpacket3_hdr`).
const BLOCK_STATUS: usize = 8;
const BLOCK_FRAMES: usize = 12;
const BLOCK_FIRST: usize = 16;
const FRAME_SECONDS: usize = 4;
const FRAME_NANOSECONDS: usize = 8;
const FRAME_CAPTURED: usize = 12;
const FRAME_LENGTH: usize = 16;
const FRAME_LINK_AT: usize = 24;
const FRAME_NETWORK_AT: usize = 26;
/// `struct sockaddr_ll` follows the frame's header.
const FRAME_INTERFACE: usize = 48 + 4;
const FRAME_HARDWARE: usize = 48 + 8;
const FRAME_DIRECTION: usize = 48 + 10;

const ETHERNET: LinkType = LinkType(1);
const RAW_IP: LinkType = LinkType(101);

/// What the kernel did with what passed the filter.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct RingCounters {
    /// Packets that found room.
    pub received: u64,
    /// Packets that did not.
    pub dropped: u64,
    /// How often the ring was full.
    pub overruns: u64,
}

/// The socket and the memory it shares with the kernel.
#[derive(Debug)]
pub struct Ring {
    socket: OwnedFd,
    memory: *mut u8,
    blocks: u32,
    next: u32,
    counters: RingCounters,
}

// SAFETY: the memory belongs to this ring alone and is unmapped only when it is dropped.
unsafe impl Send for Ring {}
// SAFETY: a shared ring is only asked for its socket; reading needs `&mut`.
unsafe impl Sync for Ring {}

impl Ring {
    /// A ring of about so many bytes, not yet bound: nothing arrives before [`Ring::bind`].
    pub fn open(bytes: usize) -> io::Result<Self> {
        // Protocol 0: a socket that receives nothing until it has its filter.
        // SAFETY: no pointers are passed; the result is checked.
        let socket = check(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })?;
        // SAFETY: `socket` was just made and nobody else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as libc::c_int))?;
        let blocks = ((bytes / BLOCK_BYTES as usize) as u32).max(MIN_BLOCKS);
        let request = libc::tpacket_req3 {
            tp_block_size: BLOCK_BYTES,
            tp_block_nr: blocks,
            tp_frame_size: FRAME_BYTES,
            tp_frame_nr: BLOCK_BYTES / FRAME_BYTES * blocks,
            tp_retire_blk_tov: RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let memory = map(&socket, blocks as usize * BLOCK_BYTES as usize)?;
        Ok(Self { socket, memory, blocks, next: 0, counters: RingCounters::default() })
    }

    /// Makes a classic program the filter of the socket.
    pub fn attach_classic(&self, program: &[libc::sock_filter]) -> io::Result<()> {
        let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
        set(&self.socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// Begins to receive from one interface, or from all.
    pub fn bind(&self, interface: Option<u32>) -> io::Result<()> {
        // SAFETY: all zeroes is a valid `sockaddr_ll`.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface.unwrap_or(0).cast_signed();
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: `address` is a live `sockaddr_ll` of the length given.
        check(unsafe { libc::bind(self.socket.as_raw_fd(), ptr::from_ref(&address).cast(), length) }).map(drop)
    }

    /// Waits at most `timeout_ms` for frames and hands over each block's; at most one round of the ring.
    pub fn receive(&mut self, timeout_ms: u32, mut visit: impl FnMut(Frames<'_>)) -> io::Result<()> {
        if !self.is_ready() {
            self.wait(timeout_ms)?;
        }
        for _ in 0..self.blocks {
            if !self.is_ready() {
                break;
            }
            visit(Frames::new(self.block()));
            self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
            self.next = (self.next + 1) % self.blocks;
        }
        Ok(())
    }

    /// What the kernel counted since the ring was opened.
    pub fn counters(&mut self) -> RingCounters {
        let mut since = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        let mut length = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
        let (socket, into) = (self.socket.as_raw_fd(), ptr::from_mut(&mut since));
        // SAFETY: `into` and `length` are live, and `length` is the size of what `into` points to.
        let result = unsafe {
            libc::getsockopt(socket, libc::SOL_PACKET, libc::PACKET_STATISTICS, into.cast(), &raw mut length)
        };
        if result == 0 {
            // The kernel counts the dropped among the packets, and begins anew at each question.
            let (packets, dropped) = (u64::from(since.tp_packets), u64::from(since.tp_drops));
            self.counters.received += packets.saturating_sub(dropped);
            self.counters.dropped += dropped;
            self.counters.overruns += u64::from(since.tp_freeze_q_cnt);
        }
        self.counters
    }

    fn wait(&self, timeout_ms: u32) -> io::Result<()> {
        let mut ask = libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: `ask` is one live `pollfd`.
        match check(unsafe { libc::poll(&raw mut ask, 1, timeout_ms.cast_signed()) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            // An interface that goes away is told once; others may still bring packets.
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => Ok(()),
            other => other.map(drop),
        }
    }

    fn is_ready(&self) -> bool {
        self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    fn status(&self) -> &AtomicU32 {
        // SAFETY: every block lies within the map and begins at a multiple of a page, so the status is aligned; the
        // kernel changes it as a whole, too.
        unsafe { AtomicU32::from_ptr(self.start().add(BLOCK_STATUS).cast()) }
    }

    fn block(&self) -> &[u8] {
        // SAFETY: the block lies within the map; the kernel does not write to it until its status is handed back,
        // which needs `&mut self` after this borrow.
        unsafe { std::slice::from_raw_parts(self.start(), BLOCK_BYTES as usize) }
    }

    fn start(&self) -> *mut u8 {
        // SAFETY: `next` is less than `blocks`, so the result lies within the map.
        unsafe { self.memory.add(self.next as usize * BLOCK_BYTES as usize) }
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the map was made with this length, and no borrow of it outlives the ring.
        unsafe { libc::munmap(self.memory.cast(), self.blocks as usize * BLOCK_BYTES as usize) };
    }
}

/// The frames of one block, in the order in which they came.
#[derive(Debug)]
pub struct Frames<'a> {
    block: &'a [u8],
    at: usize,
    left: u32,
}

impl<'a> Frames<'a> {
    fn new(block: &'a [u8]) -> Self {
        let word = |at| u32::from_ne_bytes(field(block, at).unwrap_or_default());
        Self { block, at: word(BLOCK_FIRST) as usize, left: word(BLOCK_FRAMES) }
    }

    /// Whether the frame is one that the loopback interface shows on its way out: it shows it again on its way in.
    fn is_echo(header: &[u8]) -> bool {
        let hardware = field(header, FRAME_HARDWARE).map(u16::from_ne_bytes);
        hardware == Some(libc::ARPHRD_LOOPBACK) && field(header, FRAME_DIRECTION) == Some([libc::PACKET_OUTGOING])
    }

    fn frame(header: &[u8]) -> Option<Frame<'_>> {
        let word = |at| field(header, at).map(u32::from_ne_bytes);
        let half = |at| field(header, at).map(u16::from_ne_bytes);
        let (link_at, network_at) = (half(FRAME_LINK_AT)?, half(FRAME_NETWORK_AT)?);
        let is_ethernet = matches!(half(FRAME_HARDWARE)?, libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK);
        let (link, start) = if is_ethernet { (ETHERNET, link_at) } else { (RAW_IP, network_at) };
        let end = usize::from(link_at) + word(FRAME_CAPTURED)? as usize;
        Some(Frame {
            time_ns: u64::from(word(FRAME_SECONDS)?) * 1_000_000_000 + u64::from(word(FRAME_NANOSECONDS)?),
            link,
            interface: word(FRAME_INTERFACE)?,
            original_len: word(FRAME_LENGTH)?,
            bytes: header.get(usize::from(start)..end)?,
        })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        while self.left > 0 {
            self.left -= 1;
            let header = self.block.get(self.at..)?;
            self.at += u32::from_ne_bytes(field(header, 0)?) as usize;
            if !Self::is_echo(header) {
                return Self::frame(header);
            }
        }
        None
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn map(socket: &OwnedFd, length: usize) -> io::Result<*mut u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new map at an address of the kernel's choice; the result is checked.
    let memory = unsafe { libc::mmap(ptr::null_mut(), length, access, libc::MAP_SHARED, socket.as_raw_fd(), 0) };
    if memory == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(memory.cast()) }
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is live and `length` is its size.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(value).cast(), length) }).map(drop)
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
