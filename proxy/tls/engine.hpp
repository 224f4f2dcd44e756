// One connection's TLS without a connection: bytes in, bytes out. OpenSSL over a BIO of our own that reads from and
// writes to whatever buffers are handed in with a call, so that a thread's buffers serve all of its connections, one
// recv() feeds many records and one send() carries many.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.hpp"
#include "proxy/base/result.hpp"
#include "proxy/tls/client.hpp"
#include "proxy/tls/server.hpp"
#include "proxy/tls/visit.hpp"

namespace bascule::tls {

// The other side's records, and ours, of one call. What is not taken from `in` must be handed in again, in front of
// what comes later. What is appended to `out` must be sent, in order.
struct Records {
  Bytes in{};
  std::vector<std::uint8_t>& out;
};

enum class Did : std::uint8_t {
  well,        // what was asked for, at least in part
  wants_more,  // records, to go on
  ended,       // read only: the other side said that nothing follows (close_notify)
  failed,      // for good; why() says so, and an alert may be in `out`
};

class Engine {
 public:
  // `own_keys` outlives the engine; it seals tickets where the listener has no keys of its own.
  static std::unique_ptr<Engine> accept(std::shared_ptr<const Server> server, const TicketKeys& own_keys);

  // `name`: whom the certificate must be for, a name or an IP address without brackets; a name is told to the service
  // (SNI, RFC 6066, section 3), an address is not.
  static Result<std::unique_ptr<Engine>, Bad> connect(std::shared_ptr<const Client> client, const std::string& name);

  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // As a client: the handshake begins with records of ours.
  bool speaks_first() const { return !is_server_; }

  Did shake_hands(Records& records);

  // Reads until `into` is full, `records.in` is used up, or `records_max` records have been opened, so that a flood of
  // tiny records keeps nobody else waiting. `count` bytes were read; `well` only where at least one was. `into` is
  // never empty.
  Did read(Records& records, MutableBytes into, std::size_t& count);

  // Seals all of `from`. Not before the handshake is done. `wants_more`, seldom: nothing was taken, and reading comes
  // first.
  Did write(Records& records, Bytes from);

  // Says that nothing follows (close_notify). Reading goes on.
  void close(Records& records);

  // Bytes that have been opened and not been read: read() gives them without any record.
  std::size_t buffered() const;
  // read() has something to say without any record: an end or a failure that came behind data.
  bool tells_more() const { return tells_more_; }

  // After `failed`: "certificate: hostname mismatch", "TLS: no shared cipher", "the other side says: unknown CA"; safe
  // to print.
  const std::string& why() const { return visit_.why; }
  // After `failed`: it was the certificate of the other side.
  bool distrusts() const { return distrusts_; }

  // --- once hands are shaken ---
  std::string_view version() const;                        // "TLSv1.3"
  std::string_view suite() const;                          // "TLS_AES_128_GCM_SHA256"
  const std::string& name() const { return visit_.name; }  // that the visitor asked for, lower case; empty: none
  bool resumed() const;
  bool asked_for_certificate() const { return visit_.asked_for_certificate; }
  struct Shown {
    std::string der;
    std::vector<std::string> chain;  // DER, as sent, without the certificate itself
  };
  // The verified certificate of the other side; an empty `der`: none was shown, or nothing is verified. Frees what
  // OpenSSL lets go of, which is the rest of the chain, so ask once.
  Shown take_certificate();

  static constexpr std::size_t records_max = 512;
  // RFC 8446 lets a peer change its keys as often as it likes; nobody who means well does so this often.
  static constexpr unsigned key_updates_max = 1000;
  // Of ours, once hands are shaken: answers to attempts to renegotiate, and our end.
  static constexpr unsigned alerts_max = 16;
  // Of a visitor, one after the other: smaller than the smallest frame of a WebSocket client, and so nobody's way of
  // sending data.
  static constexpr unsigned splinters_max = 1000;
  static constexpr std::size_t splinter_bytes = 6;
  // Of records without any data in them, one after the other.
  static constexpr std::size_t bytes_without_data_max = std::size_t{64} * 1024;
  // Of all that the other side says in a handshake: a hello of 128 KiB and as large a chain as we take are far below.
  static constexpr std::size_t handshake_bytes_max = std::size_t{256} * 1024;

 private:
  struct Hooks;  // what OpenSSL calls
  struct Call;   // what holds for the length of one
  struct FreeSsl {
    void operator()(SSL* connection) const;
  };
  friend Visit& visit_of(const SSL* connection);

  Engine(SSL_CTX* context, std::shared_ptr<const void> made_by);
  bool expect(std::string name, bool verify);

  Did read_some(MutableBytes into, std::size_t& count);
  void note_data(std::size_t record_bytes);
  std::string_view exceeded() const;  // which limit, for people; empty: none
  void settle();
  Did fail(std::string why);
  Did fail_as_openssl_says();

  std::shared_ptr<const void> made_by_;  // a Server or a Client; outlives the connection
  std::unique_ptr<SSL, FreeSsl> ssl_;
  Records* records_ = nullptr;  // of the call that is under way
  Visit visit_;
  std::size_t bytes_without_data_ = 0;  // taken in since the last data
  unsigned key_updates_ = 0;
  unsigned alerts_ = 0;
  unsigned splinters_ = 0;
  bool is_server_ = false;
  bool tells_more_ = false;
  bool shaken_ = false;
  bool closed_ = false;
  bool failed_ = false;
  bool distrusts_ = false;
  bool dry_ = false;  // OpenSSL has asked for more than there was
};

}  // namespace bascule::tls
