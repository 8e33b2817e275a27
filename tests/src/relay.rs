//! A way to a cluster that a test controls, below HTTP: it carries bytes, speaks the protocols of proxies, and can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What a relay speaks with its clients.
#[derive(Clone, Debug)]
pub enum Speaks {
    /// Nothing: it is a wire.
    Wire,
    /// HTTP CONNECT, with this login (`user:password` in Base64) where one is given.
    Http(Option<String>),
    /// SOCKS5, with this login where one is given.
    Socks(Option<(String, String)>),
}

/// A relay to one server, whatever its clients ask for.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    speaks: Speaks,
    asked: Mutex<Vec<String>>,
    connections: Mutex<Vec<TcpStream>>,
    is_cut: AtomicBool,
    is_over: AtomicBool,
}

impl Relay {
    /// Starts one on a free port.
    pub fn start(server: SocketAddr, speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let (asked, connections) = (Mutex::default(), Mutex::default());
        let (is_cut, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        let shared = Arc::new(Shared { server, speaks, asked, connections, is_cut, is_over });
        let serving = Arc::clone(&shared);
        thread::spawn(move || serving.listen(Some(listener), address));
        Self { address, shared }
    }

    /// What its clients asked to be connected to, each as `host:port`.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Cuts all connections, and refuses new ones for a while: as when a server is killed and started again.
    pub fn cut_for(&self, duration: Duration) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        // The listener is gone when it has seen that.
        thread::sleep(Duration::from_millis(30));
        self.cut();
        thread::sleep(duration);
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        for connection in self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended already cannot be cut.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.cut();
    }
}

impl Shared {
    fn listen(self: Arc<Self>, mut listener: Option<TcpListener>, address: SocketAddr) {
        while !self.is_over.load(Ordering::SeqCst) {
            if self.is_cut.load(Ordering::SeqCst) {
                listener = None;
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            let Some(bound) = listener.as_ref() else {
                listener = TcpListener::bind(address).ok();
                continue;
            };
            bound.set_nonblocking(true).expect("a listener can be asked without waiting");
            match bound.accept() {
                Ok((client, _)) => {
                    client.set_nonblocking(false).expect("a connection can wait");
                    let shared = Arc::clone(&self);
                    thread::spawn(move || shared.serve(client));
                }
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    fn serve(&self, mut client: TcpStream) -> Option<()> {
        match &self.speaks {
            Speaks::Wire => {}
            Speaks::Http(login) => self.answer_connect(&mut client, login.as_deref())?,
            Speaks::Socks(login) => self.answer_socks(&mut client, login.as_ref())?,
        }
        let server = TcpStream::connect(self.server).ok()?;
        // As a wire does not wait either.
        client.set_nodelay(true).ok()?;
        server.set_nodelay(true).ok()?;
        let keep = |stream: &TcpStream| stream.try_clone().ok();
        {
            let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            connections.extend([keep(&client)?, keep(&server)?]);
        }
        let (from, to) = (keep(&client)?, keep(&server)?);
        thread::spawn(move || carry(from, to));
        carry(server, client);
        Some(())
    }

    fn ask(&self, target: &str) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(target.to_owned());
    }

    fn answer_connect(&self, client: &mut TcpStream, login: Option<&str>) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(read(client, 1)?[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
        self.ask(target);
        let given = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("proxy-authorization").then(|| value.trim().to_owned())
        });
        if login.is_some_and(|login| given.as_deref() != Some(&format!("Basic {login}"))) {
            let refusal =
                "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n";
            client.write_all(refusal.as_bytes()).ok()?;
            return None;
        }
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()
    }

    /// RFC 1928, and RFC 1929 for the login.
    fn answer_socks(&self, client: &mut TcpStream, login: Option<&(String, String)>) -> Option<()> {
        let methods = read(client, 2)?[1];
        read(client, methods.into())?;
        match login {
            None => client.write_all(&[5, 0]).ok()?,
            Some((user, password)) => {
                client.write_all(&[5, 2]).ok()?;
                let length = read(client, 2)?[1];
                let given_user = read(client, length.into())?;
                let length = read(client, 1)?[0];
                let given_password = read(client, length.into())?;
                let is_right = given_user == user.as_bytes() && given_password == password.as_bytes();
                client.write_all(&[1, u8::from(!is_right)]).ok()?;
                if !is_right {
                    return None;
                }
            }
        }
        let host = match read(client, 4)?[3] {
            1 => read(client, 4)?.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
            3 => {
                let length = read(client, 1)?[0];
                String::from_utf8_lossy(&read(client, length.into())?).into_owned()
            }
            _ => return None,
        };
        let port = read(client, 2)?;
        self.ask(&format!("{host}:{}", u16::from_be_bytes([port[0], port[1]])));
        client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).ok()
    }
}

fn read(client: &mut TcpStream, count: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes).ok().map(|()| bytes)
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    // Either side may be cut at any moment; both end then.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
