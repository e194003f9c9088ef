// How a Rust program calls the clinic: nothing here but the public crate ttrpc, to be copied.
//
// Its `Client::connect` knows abstract Unix sockets only. `Client::new` takes any connected stream instead.

use protobuf::Message;
use std::net::TcpStream;
use std::os::unix::io::IntoRawFd;
use std::os::unix::net::UnixStream;

use crate::messages::error_details::ErrorInfo;

/// How long one call may take, in nanoseconds.
const PATIENCE: i64 = 20_000_000_000;

/// Opens a connection to unix:PATH or tcp:HOST:PORT. It carries any number of calls at once.
pub fn connect(address: &str) -> Result<ttrpc::Client, String> {
    let failed = |error: std::io::Error| format!("cannot connect to {}: {}", address, error);
    let descriptor = match address.split_once(':') {
        Some(("unix", path)) => UnixStream::connect(path).map_err(failed)?.into_raw_fd(),
        Some(("tcp", place)) => {
            let stream = TcpStream::connect(place).map_err(failed)?;
            stream.set_nodelay(true).map_err(failed)?;
            stream.into_raw_fd()
        }
        _ => return Err(format!("an address is unix:PATH or tcp:HOST:PORT, not {}", address)),
    };
    // The client closes the descriptor with its last clone.
    Ok(ttrpc::Client::new(descriptor))
}

/// Why a call failed: the code, the stable name from the details, which is what to branch on, and words for people.
#[derive(Debug)]
pub struct Refusal {
    pub code: ttrpc::Code,
    pub reason: String,
    pub message: String,
}

/// Somebody who uses the clinic: nobody in particular until there is a token.
#[derive(Clone)]
pub struct Caller {
    pub client: ttrpc::Client,
    pub token: Option<String>,
}

impl Caller {
    /// Calls a method that changes nothing, such as "clinic.v1.DoctorService/ListDoctors".
    pub fn read<T: Message>(&self, method: &str, request: &dyn Message) -> Result<T, Refusal> {
        self.call(method, request, None, PATIENCE)
    }

    /// Calls a method that changes something. With the same key it can be called again when the answer was lost: the
    /// change is made once, and the answer is the same.
    pub fn change<T: Message>(&self, method: &str, key: &str, request: &dyn Message) -> Result<T, Refusal> {
        self.call(method, request, Some(key), PATIENCE)
    }

    /// Calls a method. The timeout goes with the request, and the crate stops waiting at it as well; a negative one is
    /// for ever to the crate.
    pub fn call<T: Message>(
        &self, method: &str, request: &dyn Message, key: Option<&str>, timeout: i64,
    ) -> Result<T, Refusal> {
        let (service, name) = method.split_once('/').unwrap_or((method, ""));
        let mut envelope = ttrpc::Request::new();
        envelope.set_service(service.to_string());
        envelope.set_method(name.to_string());
        envelope.set_timeout_nano(timeout);
        envelope.set_payload(request.write_to_bytes().map_err(|error| unexpected(error.to_string()))?);
        let authorization = self.token.as_ref().map(|token| format!("Bearer {}", token));
        let pairs = [("authorization", authorization), ("idempotency-key", key.map(String::from))];
        for (name, value) in pairs {
            if let Some(value) = value {
                let mut pair = ttrpc::ttrpc::KeyValue::new();
                pair.set_key(name.to_string());
                pair.set_value(value);
                envelope.metadata.push(pair);
            }
        }
        let response = self.client.request(envelope).map_err(refusal)?;
        T::parse_from_bytes(response.get_payload()).map_err(|error| unexpected(error.to_string()))
    }
}

fn refusal(error: ttrpc::Error) -> Refusal {
    let status = match error {
        ttrpc::Error::RpcStatus(status) => status,
        other => return unexpected(other.to_string()),
    };
    let details = status.get_details().iter();
    let reason = details
        .filter(|detail| detail.get_type_url() == "type.googleapis.com/google.rpc.ErrorInfo")
        .filter_map(|detail| ErrorInfo::parse_from_bytes(detail.get_value()).ok())
        .map(|info| info.get_reason().to_string())
        .next();
    Refusal {
        code: status.get_code(),
        reason: reason.unwrap_or_default(),
        message: status.get_message().to_string(),
    }
}

/// A failure that no server answered with.
fn unexpected(message: String) -> Refusal {
    Refusal { code: ttrpc::Code::UNKNOWN, reason: String::new(), message }
}
