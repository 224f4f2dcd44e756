// The PROXY protocol, versions 1 and 2: what stands in front of a connection so that the next one knows who the visitor
// is. (HAProxy's proxy-protocol.txt; the sections named here are its.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/address.hpp"
#include "proxy/base/bytes.hpp"

namespace bascule::wire {

struct ProxyHeader {
  // LOCAL (version 2) and UNKNOWN (version 1): the sender speaks for itself, as for a health check; the addresses of
  // the connection hold.
  bool local = false;
  // Of the visitor; Family::none when the header does not tell (AF_UNSPEC). A mapped IPv4 address as IPv4; the path of
  // a Unix socket is safe to print, empty when it is not.
  Address source{};
  Address destination{};    // where he had come to
  bool tls = false;         // PP2_TYPE_SSL says that he came by TLS (PP2_CLIENT_SSL)
  std::string authority{};  // PP2_TYPE_AUTHORITY, the name he asked for by SNI; safe to print; empty when not told
  // PP2_SUBTYPE_SSL_CN, the common name in his certificate, where he showed one and the sender has verified it. UTF-8
  // without control bytes, else empty.
  std::string certificate_name{};

  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

// Reads a header of either version, byte by byte as it comes, and nothing behind it. Strict: what is no header fails at
// the first byte that shows it (an address at its end), so nothing is ever guessed (section 2: "MUST not guess").
class ProxyHeaderReader {
 public:
  enum class State : std::uint8_t { incomplete, complete, failed };

  // A version 1 line has at most 107 bytes (section 2.1). A version 2 header says its length; more than this is
  // nobody's.
  static constexpr std::size_t v2_bytes_max = 4096;

  // Takes bytes up to the end of the header and says how many it took.
  std::size_t feed(Bytes input);

  State state() const { return state_; }
  const ProxyHeader& header() const { return header_; }  // REQUIRES: complete
  const char* why() const { return why_; }               // REQUIRES: failed; a constant text for people

 private:
  // What the next byte of a version 1 line belongs to.
  enum class Field : std::uint8_t {
    opening,  // "PROXY "
    protocol,
    source,
    destination,
    source_port,
    destination_port,
    ignored,  // what UNKNOWN may say
    line_end,
  };

  void step(std::uint8_t byte);
  void step_v1(char c);
  void end_field(Field next);
  void finish_v1();
  void step_v2(std::uint8_t byte);
  void finish_v2();
  std::size_t v2_address_bytes() const;
  void read_v2_addresses(Bytes block);
  void fail(const char* why);

  State state_ = State::incomplete;
  Field field_ = Field::opening;
  std::string held_;             // the header so far
  std::size_t field_begin_ = 0;  // of the version 1 field being read, in held_
  bool ipv6_ = false;            // version 1: TCP6
  std::size_t wanted_ = 0;       // version 2: bytes of the whole header, once it has told them
  ProxyHeader header_;
  const char* why_ = "";
};

enum class ProxyVersion : std::uint8_t { v1, v2 };

// The header for a connection that we open. Addresses of two families go as IPv6, the IPv4 one mapped (::ffff:a.b.c.d).
// A visitor without an IP address (a Unix socket) is UNKNOWN in version 1, and in version 2 a PROXY of AF_UNSPEC; one
// who came to a place without an IP address is said to have come to 0.0.0.0:0 or [::]:0, so that he himself is still
// told.
std::string proxy_header(ProxyVersion version, const Address& source, const Address& destination);

// The same for a connection of our own, such as a health check: UNKNOWN, LOCAL.
std::string local_proxy_header(ProxyVersion version);

}  // namespace bascule::wire
