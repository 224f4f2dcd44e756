#include "proxy/wire/proxy_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/base/text.hpp"
#include "proxy/base/utf8.hpp"

namespace bascule::wire {
namespace {

using namespace std::string_view_literals;

// --- what both versions consist of -----------------------------------------------------------------------------------

constexpr std::string_view v1_opening = "PROXY "sv;
constexpr std::size_t v1_bytes_max = 107;  // section 2.1

constexpr std::string_view v2_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t v2_command_at = v2_signature.size();
constexpr std::size_t v2_family_at = v2_command_at + 1;
constexpr std::size_t v2_length_at = v2_family_at + 1;  // of what follows these, in two bytes
constexpr std::size_t v2_fixed_bytes = v2_length_at + 2;

// The byte behind the signature: version 2 and a command.
constexpr std::uint8_t v2_local = 0x20;
constexpr std::uint8_t v2_proxy = 0x21;

// The byte behind that: an address family, and a transport that delivers streams.
constexpr std::uint8_t v2_unspecified = 0x00;
constexpr std::uint8_t v2_tcp4 = 0x11;
constexpr std::uint8_t v2_tcp6 = 0x21;
constexpr std::uint8_t v2_unix = 0x31;

constexpr std::size_t v2_tcp4_bytes = 12;   // two addresses, two ports
constexpr std::size_t v2_tcp6_bytes = 36;   // likewise
constexpr std::size_t v2_unix_bytes = 216;  // two paths, padded with NUL
constexpr std::size_t unix_path_bytes = v2_unix_bytes / 2;

// Section 2.2.
constexpr std::uint8_t tlv_authority = 0x02;
constexpr std::uint8_t tlv_crc32c = 0x03;
constexpr std::uint8_t tlv_ssl = 0x20;
constexpr std::size_t tlv_head_bytes = 3;      // the type and the length of the value
constexpr std::size_t ssl_fixed_bytes = 5;     // the bits of the client, and how his certificate was judged
constexpr std::uint8_t ssl_client_bit = 0x01;  // PP2_CLIENT_SSL
// PP2_CLIENT_CERT_CONN, PP2_CLIENT_CERT_SESS: he showed a certificate, on this connection or when its TLS session
// began.
constexpr std::uint8_t ssl_certificate_bits = 0x02 | 0x04;
constexpr std::uint8_t tlv_ssl_cn = 0x22;  // inside of tlv_ssl

constexpr std::size_t authority_bytes_max = 255;

// CRC-32C of RFC 4960, appendix B, bytewise.
constexpr std::array<std::uint32_t, 256> crc32c_table = [] {
  constexpr std::uint32_t reversed_polynomial = 0x82f63b78;
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) { value = (value >> 1U) ^ ((value & 1U) != 0 ? reversed_polynomial : 0); }
    table[byte] = value;
  }
  return table;
}();

// Goes on from the value that was given for the bytes before; the first is 0.
std::uint32_t crc32c(Bytes bytes, std::uint32_t before) {
  std::uint32_t value = ~before;
  for (const std::uint8_t byte : bytes) { value = crc32c_table[(value ^ byte) & 0xffU] ^ (value >> 8U); }
  return ~value;
}

std::uint16_t big_endian_16(Bytes bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8U | bytes[1]);
}
std::uint32_t big_endian_32(Bytes bytes) {
  return std::uint32_t{big_endian_16(bytes)} << 16U | big_endian_16(bytes.subspan(2));
}

template <std::size_t Count>
std::array<std::uint8_t, Count> octets_from(Bytes bytes) {
  std::array<std::uint8_t, Count> octets{};
  std::copy_n(bytes.begin(), Count, octets.begin());
  return octets;
}

Address with_port(const Address& address, std::uint16_t port) {
  if (address.family() == Address::Family::ipv6) { return Address::ipv6(address.octets(), port); }
  return Address::ipv4(octets_from<4>(address.octets()), port);
}

// "Heading zeroes are not permitted" (section 2.1).
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') { return std::nullopt; }
  const auto port = parse_decimal(text, std::numeric_limits<std::uint16_t>::max());
  if (!port) { return std::nullopt; }
  return static_cast<std::uint16_t>(*port);
}

bool may_stand_in_address(char c, bool ipv6) {
  if ((c >= '0' && c <= '9') || c == '.') { return true; }
  return ipv6 && (c == ':' || (lower(c) >= 'a' && lower(c) <= 'f'));
}

bool is_printable(char c) {
  return c > 0x20 && c < 0x7f;
}

// --- the fields behind the addresses of version 2 --------------------------------------------------------------------

struct Tlv {
  std::uint8_t type = 0;
  Bytes value;
};

// Takes one off the front. Nothing when it says to be longer than what is there.
std::optional<Tlv> take_tlv(Bytes& rest) {
  if (rest.size() < tlv_head_bytes) { return std::nullopt; }
  const std::size_t length = big_endian_16(rest.subspan(1));
  if (rest.size() - tlv_head_bytes < length) { return std::nullopt; }
  const Tlv tlv{rest[0], rest.subspan(tlv_head_bytes, length)};
  rest = rest.subspan(tlv_head_bytes + length);
  return tlv;
}

constexpr const char* overrun = "a field of the PROXY header is longer than the header";
constexpr const char* odd_ssl = "an odd TLS field in a PROXY header";

// Reads the field about TLS (section 2.2.6); gives why it cannot be read, or nullptr.
const char* read_ssl(Bytes value, ProxyHeader& header) {
  if (value.size() < ssl_fixed_bytes) { return odd_ssl; }
  header.tls = (value[0] & ssl_client_bit) != 0;
  const bool verified = big_endian_32(value.subspan(1)) == 0;
  const bool named = header.tls && verified && (value[0] & ssl_certificate_bits) != 0;
  Bytes inner = value.subspan(ssl_fixed_bytes);
  bool name_seen = false;
  while (!inner.empty()) {
    const auto tlv = take_tlv(inner);
    if (!tlv) { return overrun; }
    if (tlv->type != tlv_ssl_cn) { continue; }
    // Two names would be two visitors: which one would count?
    if (std::exchange(name_seen, true)) { return odd_ssl; }
    const std::string_view name = text_of(tlv->value);
    if (named && is_clean_text(name)) { header.certificate_name = name; }
  }
  return nullptr;
}

// Reads what is ours of the fields; gives why they cannot be read, or nullptr. `whole`: the header that they end.
const char* read_tlvs(Bytes tlvs, Bytes whole, ProxyHeader& header) {
  bool crc_seen = false;
  bool ssl_seen = false;
  bool authority_seen = false;
  // What must be true once cannot be said twice: which one would count?
  const auto twice = [](bool& seen) { return std::exchange(seen, true); };

  while (!tlvs.empty()) {
    const auto tlv = take_tlv(tlvs);
    if (!tlv) { return overrun; }
    if (tlv->type == tlv_crc32c) {
      if (tlv->value.size() != sizeof(std::uint32_t) || twice(crc_seen)) { return "an odd checksum in a PROXY header"; }
      // Counted as if its own bytes were 0.
      const auto at = static_cast<std::size_t>(tlv->value.data() - whole.data());
      constexpr std::array<std::uint8_t, sizeof(std::uint32_t)> zeros{};
      std::uint32_t value = crc32c(whole.first(at), 0);
      value = crc32c(zeros, value);
      value = crc32c(whole.subspan(at + zeros.size()), value);
      if (value != big_endian_32(tlv->value)) { return "the checksum of a PROXY header is wrong"; }
    } else if (tlv->type == tlv_ssl) {
      if (twice(ssl_seen)) { return odd_ssl; }
      if (const char* const why = read_ssl(tlv->value, header)) { return why; }
    } else if (tlv->type == tlv_authority) {
      if (tlv->value.size() > authority_bytes_max || twice(authority_seen)) { return "an odd name in a PROXY header"; }
      const std::string_view name = text_of(tlv->value);
      if (std::all_of(name.begin(), name.end(), is_printable)) { header.authority = name; }
    }
  }
  return nullptr;
}

}  // namespace

// --- reading ---------------------------------------------------------------------------------------------------------

std::size_t ProxyHeaderReader::feed(Bytes input) {
  std::size_t taken = 0;
  while (state_ == State::incomplete && taken < input.size()) { step(input[taken++]); }
  return taken;
}

void ProxyHeaderReader::step(std::uint8_t byte) {
  held_.push_back(static_cast<char>(byte));
  if (held_.front() == v1_opening.front()) {
    step_v1(static_cast<char>(byte));
  } else {
    step_v2(byte);
  }
}

void ProxyHeaderReader::step_v1(char c) {
  const std::string_view field = std::string_view(held_).substr(field_begin_);
  switch (field_) {
    case Field::opening:
      if (c != v1_opening[held_.size() - 1]) { return fail("no PROXY header"); }
      if (held_.size() == v1_opening.size()) { end_field(Field::protocol); }
      break;
    case Field::protocol:
      if (field == "TCP4 " || field == "TCP6 ") {
        ipv6_ = field == "TCP6 ";
        end_field(Field::source);
      } else if (field == "UNKNOWN ") {
        end_field(Field::ignored);
      } else if (field == "UNKNOWN\r") {
        end_field(Field::line_end);
      } else if (!"TCP4"sv.starts_with(field) && !"TCP6"sv.starts_with(field) && !"UNKNOWN"sv.starts_with(field)) {
        return fail("a PROXY header of another protocol than TCP4, TCP6 or UNKNOWN");
      }
      break;
    case Field::source:
    case Field::destination: {
      if (may_stand_in_address(c, ipv6_)) { break; }
      const auto address = Address::parse_ip(field.substr(0, field.size() - 1), 0);
      const auto family = ipv6_ ? Address::Family::ipv6 : Address::Family::ipv4;
      if (c != ' ' || !address || address->family() != family) { return fail("a bad address in a PROXY header"); }
      const bool first = field_ == Field::source;
      (first ? header_.source : header_.destination) = *address;
      end_field(first ? Field::destination : Field::source_port);
      break;
    }
    case Field::source_port:
    case Field::destination_port: {
      if (parse_port(field)) { break; }
      const bool first = field_ == Field::source_port;
      const auto port = parse_port(field.substr(0, field.size() - 1));
      if (c != (first ? ' ' : '\r') || !port) { return fail("a bad port in a PROXY header"); }
      Address& address = first ? header_.source : header_.destination;
      address = with_port(address, *port).unmapped();
      end_field(first ? Field::destination_port : Field::line_end);
      break;
    }
    case Field::ignored:
      if (c == '\r') {
        end_field(Field::line_end);
      } else if (c != ' ' && !is_printable(c)) {
        return fail("a control byte in a PROXY header");
      }
      break;
    case Field::line_end:
      if (c != '\n') { return fail("a CR without LF in a PROXY header"); }
      return finish_v1();
  }
  if (held_.size() == v1_bytes_max) { fail("a PROXY header that is too long"); }
}

void ProxyHeaderReader::end_field(Field next) {
  field_ = next;
  field_begin_ = held_.size();
}

void ProxyHeaderReader::finish_v1() {
  header_.local = !header_.source.is_ip();
  state_ = State::complete;
}

void ProxyHeaderReader::step_v2(std::uint8_t byte) {
  const std::size_t at = held_.size() - 1;
  if (at < v2_signature.size()) {
    if (held_[at] != v2_signature[at]) { fail("no PROXY header"); }
    return;
  }
  switch (at) {
    case v2_command_at:
      if (byte != v2_local && byte != v2_proxy) { fail("a PROXY header of an unknown version or command"); }
      header_.local = byte == v2_local;
      return;
    case v2_family_at: {
      // "LOCAL: the receiver ... must discard the protocol block including the family which is ignored."
      const bool known = byte == v2_unspecified || byte == v2_tcp4 || byte == v2_tcp6 || byte == v2_unix;
      if (!header_.local && !known) { fail("a PROXY header of another family or transport than TCP and Unix streams"); }
      return;
    }
    case v2_length_at:
      if (std::size_t{byte} << 8U > v2_bytes_max - v2_fixed_bytes) { fail("a PROXY header that is too long"); }
      return;
    case v2_length_at + 1:
      wanted_ = v2_fixed_bytes + big_endian_16(bytes_of(std::as_const(held_)).subspan(v2_length_at));
      if (wanted_ > v2_bytes_max) { return fail("a PROXY header that is too long"); }
      if (wanted_ < v2_fixed_bytes + v2_address_bytes()) {
        return fail("a PROXY header without room for its addresses");
      }
      break;
    default: break;
  }
  if (held_.size() == wanted_) { finish_v2(); }
}

// Of the addresses that we read; the block of a LOCAL and of AF_UNSPEC is nobody's to understand.
std::size_t ProxyHeaderReader::v2_address_bytes() const {
  if (header_.local) { return 0; }
  switch (static_cast<std::uint8_t>(held_[v2_family_at])) {
    case v2_tcp4: return v2_tcp4_bytes;
    case v2_tcp6: return v2_tcp6_bytes;
    case v2_unix: return v2_unix_bytes;
    default: return 0;
  }
}

void ProxyHeaderReader::finish_v2() {
  state_ = State::complete;
  const std::size_t address_bytes = v2_address_bytes();
  if (address_bytes == 0) { return; }
  const Bytes whole = bytes_of(std::as_const(held_));
  read_v2_addresses(whole.subspan(v2_fixed_bytes, address_bytes));
  const char* const why = read_tlvs(whole.subspan(v2_fixed_bytes + address_bytes), whole, header_);
  if (why != nullptr) { fail(why); }
}

void ProxyHeaderReader::read_v2_addresses(Bytes block) {
  if (block.size() == v2_tcp4_bytes) {
    header_.source = Address::ipv4(octets_from<4>(block), big_endian_16(block.subspan(8)));
    header_.destination = Address::ipv4(octets_from<4>(block.subspan(4)), big_endian_16(block.subspan(10)));
  } else if (block.size() == v2_tcp6_bytes) {
    header_.source = Address::ipv6(octets_from<16>(block), big_endian_16(block.subspan(32))).unmapped();
    header_.destination =
        Address::ipv6(octets_from<16>(block.subspan(16)), big_endian_16(block.subspan(34))).unmapped();
  } else {
    // The name of an abstract socket begins with a NUL; it counts as unnamed, as does a path that nobody could print.
    const auto path = [](Bytes padded) {
      std::string_view text = text_of(padded);
      text = text.substr(0, text.find('\0'));
      const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || is_printable(c); });
      return Address::unix_path(plain ? std::string(text) : std::string());
    };
    header_.source = path(block.first(unix_path_bytes));
    header_.destination = path(block.subspan(unix_path_bytes));
  }
}

void ProxyHeaderReader::fail(const char* why) {
  state_ = State::failed;
  why_ = why;
}

// --- writing ---------------------------------------------------------------------------------------------------------

namespace {

std::array<std::uint8_t, 16> mapped(const Address& address) {
  if (address.family() == Address::Family::ipv6) { return address.octets(); }
  std::array<std::uint8_t, 16> octets{};
  octets[10] = 0xff;
  octets[11] = 0xff;
  std::copy_n(address.octets().begin(), 4, octets.begin() + 12);
  return octets;
}

// Both of one family.
struct Pair {
  Address source;
  Address destination;
  bool ipv6 = false;
};

// REQUIRES: the source has an IP address.
Pair paired(const Address& source, const Address& destination) {
  Pair pair{source.unmapped(), destination.unmapped()};
  if (!pair.destination.is_ip()) {
    const bool ipv4 = pair.source.family() == Address::Family::ipv4;
    pair.destination = ipv4 ? Address::ipv4({}, 0) : Address::ipv6({}, 0);
  }
  pair.ipv6 = pair.source.family() == Address::Family::ipv6 || pair.destination.family() == Address::Family::ipv6;
  if (pair.ipv6) {
    pair.source = Address::ipv6(mapped(pair.source), pair.source.port());
    pair.destination = Address::ipv6(mapped(pair.destination), pair.destination.port());
  }
  return pair;
}

void append_big_endian_16(std::string& text, std::size_t value) {
  text.push_back(static_cast<char>(value >> 8U & 0xffU));
  text.push_back(static_cast<char>(value & 0xffU));
}

std::string v2_header(std::uint8_t command, std::uint8_t family, std::string_view block) {
  std::string header(v2_signature);
  header.push_back(static_cast<char>(command));
  header.push_back(static_cast<char>(family));
  append_big_endian_16(header, block.size());
  header += block;
  return header;
}

constexpr std::string_view v1_unknown = "PROXY UNKNOWN\r\n"sv;

}  // namespace

std::string proxy_header(ProxyVersion version, const Address& source, const Address& destination) {
  if (!source.is_ip()) {
    return version == ProxyVersion::v1 ? std::string(v1_unknown) : v2_header(v2_proxy, v2_unspecified, {});
  }
  const Pair pair = paired(source, destination);
  if (version == ProxyVersion::v1) {
    return fmt::format("PROXY {} {} {} {} {}\r\n", pair.ipv6 ? "TCP6" : "TCP4", pair.source.host_text(),
                       pair.destination.host_text(), pair.source.port(), pair.destination.port());
  }
  std::string block;
  for (const Address* address : {&pair.source, &pair.destination}) {
    block += text_of(Bytes(address->octets()).first(pair.ipv6 ? 16 : 4));
  }
  for (const Address* address : {&pair.source, &pair.destination}) { append_big_endian_16(block, address->port()); }
  return v2_header(v2_proxy, pair.ipv6 ? v2_tcp6 : v2_tcp4, block);
}

std::string local_proxy_header(ProxyVersion version) {
  return version == ProxyVersion::v1 ? std::string(v1_unknown) : v2_header(v2_local, v2_unspecified, {});
}

}  // namespace bascule::wire
