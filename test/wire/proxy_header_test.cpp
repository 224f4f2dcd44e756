#include "proxy/wire/proxy_header.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bascule::wire {
namespace {

using namespace std::string_literals;
using State = ProxyHeaderReader::State;

// Everything that can be seen of a reader after some input.
struct Outcome {
  State state = State::incomplete;
  std::size_t taken = 0;
  std::string why;
  ProxyHeader header;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read_in_pieces(const std::vector<Bytes>& pieces) {
  ProxyHeaderReader reader;
  Outcome outcome;
  for (const Bytes piece : pieces) {
    const std::size_t taken = reader.feed(piece);
    EXPECT_LE(taken, piece.size());
    if (reader.state() == State::incomplete) {
      EXPECT_EQ(taken, piece.size()) << "an incomplete header takes everything";
    }
    outcome.taken += taken;
  }
  outcome.state = reader.state();
  if (outcome.state == State::failed) { outcome.why = reader.why(); }
  if (outcome.state == State::complete) { outcome.header = reader.header(); }
  return outcome;
}

// Reads the whole, and demands the same of every two pieces and of single bytes.
Outcome read(const std::string& input) {
  const Bytes bytes = bytes_of(input);
  Outcome whole = read_in_pieces({bytes});
  std::vector<Bytes> single;
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    single.push_back(bytes.subspan(cut, 1));
    EXPECT_EQ(read_in_pieces({bytes.first(cut), bytes.subspan(cut)}), whole) << "cut at " << cut;
  }
  EXPECT_EQ(read_in_pieces(single), whole) << "byte by byte";
  return whole;
}

ProxyHeader accepted(const std::string& input) {
  const Outcome outcome = read(input);
  EXPECT_EQ(outcome.state, State::complete) << outcome.why << " in " << testing::PrintToString(input);
  EXPECT_EQ(outcome.taken, input.size());
  return outcome.header;
}

// `good`: as many bytes as some header begins with.
void expect_refused(const std::string& input, std::size_t good) {
  const Outcome outcome = read(input);
  EXPECT_EQ(outcome.state, State::failed) << testing::PrintToString(input);
  EXPECT_EQ(outcome.taken, good + 1) << outcome.why << " in " << testing::PrintToString(input);
  EXPECT_FALSE(outcome.state == State::failed && outcome.why.empty());
}

void expect_refused(const std::string& input) {
  const Outcome outcome = read(input);
  EXPECT_EQ(outcome.state, State::failed) << testing::PrintToString(input);
  EXPECT_FALSE(outcome.state == State::failed && outcome.why.empty());
}

Address ip(std::string_view literal, std::uint16_t port) {
  return Address::parse_ip(literal, port).value();
}

// --- building version 2 by hand --------------------------------------------------------------------------------------

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;
constexpr char local = 0x20;
constexpr char proxy = 0x21;
constexpr char tcp4 = 0x11;
constexpr char tcp6 = 0x21;
constexpr char unix_stream = 0x31;

std::string big_endian_16(std::size_t value) {
  return {static_cast<char>(value / 256), static_cast<char>(value % 256)};
}

std::string v2(char command, char family, const std::string& block) {
  return signature + command + family + big_endian_16(block.size()) + block;
}

std::string tlv(char type, const std::string& value) {
  return type + big_endian_16(value.size()) + value;
}

// 192.0.2.1:4711 to 198.51.100.2:443
const std::string addresses4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\x12\x67\x01\xbb"s;
// [2001:db8::1]:4711 to [2001:db8::2]:443
const std::string addresses6 =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x12\x67\x01\xbb"s;

std::string padded(std::string path) {
  path.resize(108, '\0');
  return path;
}

// CRC-32C bit by bit: what the table in the reader is held against.
std::string crc32c_of(const std::string& text) {
  std::uint32_t value = 0xffffffff;
  for (const char c : text) {
    value ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) { value = (value & 1U) != 0 ? value >> 1U ^ 0x82f63b78U : value >> 1U; }
  }
  value = ~value;
  return big_endian_16(value >> 16U) + big_endian_16(value & 0xffffU);
}

// The header with its checksum between `before` and `behind`.
std::string with_checksum(const std::string& before, const std::string& behind) {
  const std::string blank = v2(proxy, tcp4, addresses4 + before + tlv(0x03, "\0\0\0\0"s) + behind);
  return v2(proxy, tcp4, addresses4 + before + tlv(0x03, crc32c_of(blank)) + behind);
}

// --- version 1 -------------------------------------------------------------------------------------------------------

TEST(ProxyHeader, ReadsALineOfVersion1) {
  const ProxyHeader four = accepted("PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n");
  EXPECT_FALSE(four.local);
  EXPECT_EQ(four.source, ip("192.0.2.1", 4711));
  EXPECT_EQ(four.destination, ip("198.51.100.2", 443));
  EXPECT_FALSE(four.tls);
  EXPECT_EQ(four.authority, "");

  const ProxyHeader six = accepted("PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 0 65535\r\n");
  EXPECT_EQ(six.source, ip("2001:db8::1", 0));
  EXPECT_EQ(six.destination, ip("2001:db8::2", 65535));
}

TEST(ProxyHeader, ShowsAMappedAddressAsWhatItIs) {
  EXPECT_EQ(accepted("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n").source, ip("192.0.2.1", 1));
  const std::string block = "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01"s + addresses6.substr(16);
  EXPECT_EQ(accepted(v2(proxy, tcp6, block)).source, ip("192.0.2.1", 4711));
}

TEST(ProxyHeader, ReadsUnknownWhateverItSays) {
  for (const std::string& line : {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN \r\n"s, "PROXY UNKNOWN TCP4 ? 1.2.3.4\r\n"s,
                                  "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"s,
                                  "PROXY UNKNOWN "s + std::string(91, 'x') + "\r\n"}) {
    const ProxyHeader header = accepted(line);
    EXPECT_TRUE(header.local);
    EXPECT_EQ(header.source, Address());
    EXPECT_EQ(header.destination, Address());
  }
}

TEST(ProxyHeader, LeavesWhatFollowsIt) {
  for (const std::string& header : {"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n"s, v2(proxy, tcp4, addresses4),
                                    v2(local, 0, ""), with_checksum("", "")}) {
    for (const std::string& behind : {"GET / HTTP/1.1\r\n\r\n"s, "PROXY UNKNOWN\r\n"s, "\0"s, "\r\n"s}) {
      const Outcome outcome = read(header + behind);
      EXPECT_EQ(outcome.state, State::complete) << outcome.why;
      EXPECT_EQ(outcome.taken, header.size());
    }
  }
}

TEST(ProxyHeader, RefusesAtTheFirstByteOfSomethingElse) {
  for (const std::string& input : {"GET / HTTP/1.1\r\n"s, "\x16\x03\x01\x02"s, "proxy TCP4"s, " PROXY"s, "\nPROXY"s,
                                   "\0"s, "\xff"s, "SSH-2.0-x\r\n"s}) {
    expect_refused(input, 0);
  }
  expect_refused("POST / HTTP/1.1\r\n", 1);
  expect_refused("PROXYTCP4", 5);
  expect_refused("PROXY\tTCP4", 5);
  expect_refused("PROXY  TCP4", 6);
  expect_refused("\r\n\r\nGET", 4);
  expect_refused("\r\r", 1);
}

TEST(ProxyHeader, RefusesALineOfVersion1ThatIsNotToTheLetter) {
  // What is refused, and how many of its bytes a header may begin with.
  const std::vector<std::pair<std::string, std::size_t>> cases{
      {"PROXY TCP5", 9},
      {"PROXY tcp4", 6},
      {"PROXY UDP4", 7},
      {"PROXY TCP4\r", 10},
      {"PROXY TCP4\t", 10},
      {"PROXY TCP44", 10},
      {"PROXY UNKNOWNS", 13},
      {"PROXY UNKNOWN\n", 13},
      {"PROXY UNKNOWN\r\r", 14},
      {"PROXY UNKNOWN a\nb", 15},
      {"PROXY UNKNOWN a\rb", 16},
      {"PROXY UNKNOWN \0"s, 14},
      {"PROXY UNKNOWN \x7f", 14},
      {"PROXY TCP4  ", 11},
      {"PROXY TCP4 ::1 ", 11},
      {"PROXY TCP4 2001:db8::1 ", 15},
      {"PROXY TCP4 192.0.2.1\r", 20},
      {"PROXY TCP4 192.0.2.256 ", 22},
      {"PROXY TCP4 192.0.2 ", 18},
      {"PROXY TCP4 192.0.02.1 ", 21},
      {"PROXY TCP4 0x7f.0.0.1 ", 12},
      {"PROXY TCP4 localhost ", 11},
      {"PROXY TCP4 192.0.2.1  ", 21},
      {"PROXY TCP4 192.0.2.1 ::2 ", 21},
      {"PROXY TCP4 192.0.2.1 198.51.100 ", 31},
      {"PROXY TCP6 192.0.2.1 ", 20},
      {"PROXY TCP6 [::1] ", 11},
      {"PROXY TCP6 fe80::1%eth0 ", 18},
      {"PROXY TCP6 1::2::3 ", 18},
      {"PROXY TCP6 ::1 192.0.2.1 ", 24},
      {"PROXY TCP6 g", 11},
      {"PROXY TCP4 192.0.2.1 198.51.100.2  ", 34},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 65536", 38},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 00", 35},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 080", 35},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 -1", 34},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 +1", 34},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1\r", 35},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 \r", 36},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 ", 37},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n", 37},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r", 38},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", 37},
  };
  for (const auto& [line, good] : cases) { expect_refused(line, good); }
}

TEST(ProxyHeader, WaitsForTheRestOfALineOfVersion1) {
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n";
  for (std::size_t length = 0; length < line.size(); ++length) {
    EXPECT_EQ(read(line.substr(0, length)).state, State::incomplete) << length;
  }
}

// Section 2.1: 107 bytes with the line end.
TEST(ProxyHeader, RefusesALineOfVersion1ThatIsTooLong) {
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").state, State::complete);
  expect_refused("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", 106);
  expect_refused("PROXY UNKNOWN " + std::string(1'000, 'x'), 106);
  expect_refused("PROXY TCP4 " + std::string(1'000, '1'), 106);
}

// --- version 2 -------------------------------------------------------------------------------------------------------

TEST(ProxyHeader, ReadsTheAddressesOfVersion2) {
  const ProxyHeader four = accepted(v2(proxy, tcp4, addresses4));
  EXPECT_FALSE(four.local);
  EXPECT_EQ(four.source, ip("192.0.2.1", 4711));
  EXPECT_EQ(four.destination, ip("198.51.100.2", 443));

  const ProxyHeader six = accepted(v2(proxy, tcp6, addresses6));
  EXPECT_EQ(six.source, ip("2001:db8::1", 4711));
  EXPECT_EQ(six.destination, ip("2001:db8::2", 443));
}

TEST(ProxyHeader, ReadsThePathsOfUnixSockets) {
  const ProxyHeader header = accepted(v2(proxy, unix_stream, padded("/run/visitor.sock") + padded("/run/ours.sock")));
  EXPECT_FALSE(header.local);
  EXPECT_EQ(header.source, Address::unix_path("/run/visitor.sock"));
  EXPECT_EQ(header.destination, Address::unix_path("/run/ours.sock"));

  const std::string full(108, 'x');
  EXPECT_EQ(accepted(v2(proxy, unix_stream, full + padded(""))).source, Address::unix_path(full)) << "without a NUL";
  EXPECT_EQ(accepted(v2(proxy, unix_stream, padded("\0abstract"s) + padded(""))).source, Address::unix_path(""));
  EXPECT_EQ(accepted(v2(proxy, unix_stream, padded("/a\x1b[0m") + padded(""))).source, Address::unix_path(""))
      << "nothing that could write into a log";
}

TEST(ProxyHeader, KnowsNoSourceOfAnUnspecifiedFamily) {
  for (const std::string& block : {""s, "what it says is nobody's to understand"s}) {
    const ProxyHeader header = accepted(v2(proxy, 0, block));
    EXPECT_FALSE(header.local);
    EXPECT_EQ(header.source, Address());
    EXPECT_EQ(header.destination, Address());
  }
}

TEST(ProxyHeader, IgnoresEverythingThatALocalOneSays) {
  for (const char family : {'\0', tcp4, tcp6, unix_stream, '\x12', '\x7f'}) {
    for (const std::string& block : {""s, addresses4, "anything"s}) {
      const ProxyHeader header = accepted(v2(local, family, block));
      EXPECT_TRUE(header.local);
      EXPECT_EQ(header.source, Address());
    }
  }
}

TEST(ProxyHeader, RefusesEveryOtherVersionAndCommand) {
  for (int byte = 0; byte < 256; ++byte) {
    if (byte == local || byte == proxy) { continue; }
    expect_refused(v2(static_cast<char>(byte), tcp4, addresses4), 12);
  }
}

TEST(ProxyHeader, RefusesEveryOtherFamilyAndTransport) {
  for (int byte = 0; byte < 256; ++byte) {
    if (byte == 0 || byte == tcp4 || byte == tcp6 || byte == unix_stream) { continue; }
    expect_refused(v2(proxy, static_cast<char>(byte), std::string(216, 'x')), 13);
  }
}

TEST(ProxyHeader, RefusesAVersion2WithoutRoomForItsAddresses) {
  expect_refused(v2(proxy, tcp4, addresses4.substr(1)), 15);
  expect_refused(v2(proxy, tcp4, ""), 15);
  expect_refused(v2(proxy, tcp6, addresses6.substr(1)), 15);
  expect_refused(v2(proxy, tcp6, addresses4), 15);
  expect_refused(v2(proxy, unix_stream, std::string(215, 'x')), 15);
}

TEST(ProxyHeader, RefusesAVersion2ThatIsTooLongBeforeItComes) {
  const auto begins = [](std::size_t length) { return signature + proxy + tcp4 + big_endian_16(length); };
  expect_refused(begins(65535), 14);
  expect_refused(begins(4096), 14);
  expect_refused(begins(4081), 15);
  expect_refused(signature + local + '\0' + big_endian_16(65535), 14);

  const std::string noop = tlv(0x04, std::string(4080 - addresses4.size() - 3, '\0'));
  EXPECT_EQ(accepted(v2(proxy, tcp4, addresses4 + noop)).source, ip("192.0.2.1", 4711)) << "4096 bytes, all told";
}

TEST(ProxyHeader, WaitsForTheRestOfAVersion2) {
  const std::string header = with_checksum(tlv(0x02, "desk.example.org"), "");
  for (std::size_t length = 0; length < header.size(); ++length) {
    EXPECT_EQ(read(header.substr(0, length)).state, State::incomplete) << length;
  }
}

// --- the fields of version 2 -----------------------------------------------------------------------------------------

const std::string verified = "\0\0\0\0"s;

TEST(ProxyHeader, SaysWhetherTheVisitorCameByTls) {
  const auto with_ssl = [](const std::string& value) {
    return accepted(v2(proxy, tcp4, addresses4 + tlv(0x20, value))).tls;
  };
  EXPECT_TRUE(with_ssl("\x01" + verified));
  EXPECT_TRUE(with_ssl("\x07" + verified + tlv(0x21, "TLSv1.3") + tlv(0x22, "desk.example.org")));
  EXPECT_FALSE(with_ssl("\0"s + verified));
  EXPECT_FALSE(with_ssl("\x06" + verified)) << "a certificate without TLS";
}

TEST(ProxyHeader, TellsTheNameInAVerifiedCertificate) {
  const auto name = [](const std::string& value) {
    return accepted(v2(proxy, tcp4, addresses4 + tlv(0x20, value))).certificate_name;
  };
  const std::string ada = tlv(0x22, "ada");
  EXPECT_EQ(name("\x03" + verified + ada), "ada") << "shown on this connection";
  EXPECT_EQ(name("\x05" + verified + ada), "ada") << "shown when the TLS session began";
  EXPECT_EQ(name("\x07" + verified + tlv(0x21, "TLSv1.3") + ada + tlv(0x23, "cipher")), "ada");
  EXPECT_EQ(name("\x07" + verified + tlv(0x22, "\xc3\xa9mile lovelace")), "\xc3\xa9mile lovelace");
  EXPECT_EQ(name("\x07" + verified), "");

  EXPECT_EQ(name("\x01" + verified + ada), "") << "no certificate was shown";
  EXPECT_EQ(name("\x06" + verified + ada), "") << "a certificate without TLS";
  EXPECT_EQ(name("\0"s + verified + ada), "");
  for (const std::string& unverified : {"\0\0\0\x01"s, "\x01\0\0\0"s, "\xff\xff\xff\xff"s}) {
    EXPECT_EQ(name("\x07" + unverified + ada), "") << "whoever can make a certificate is anybody";
  }
  for (const std::string& odd : {""s, "a\nb"s, "ada\0.evil"s, "\x1b[0m"s, "\xff"s, "\xc3"s, "\x7f"s}) {
    EXPECT_EQ(name("\x07" + verified + tlv(0x22, odd)), "") << testing::PrintToString(odd);
  }
  EXPECT_EQ(accepted(v2(proxy, tcp4, addresses4 + tlv(0x22, "ada"))).certificate_name, "")
      << "not within the TLS field";
}

TEST(ProxyHeader, RefusesTwoNamesInOneCertificate) {
  expect_refused(v2(proxy, tcp4, addresses4 + tlv(0x20, "\x07" + verified + tlv(0x22, "ada") + tlv(0x22, "root"))));
  expect_refused(v2(proxy, tcp4, addresses4 + tlv(0x20, "\x07" + verified + tlv(0x22, "") + tlv(0x22, "ada"))));
}

TEST(ProxyHeader, TellsTheNameThatWasAskedFor) {
  const auto name = [](const std::string& value) {
    return accepted(v2(proxy, tcp4, addresses4 + tlv(0x02, value))).authority;
  };
  EXPECT_EQ(name("desk.example.org"), "desk.example.org");
  EXPECT_EQ(name(""), "");
  EXPECT_EQ(name(std::string(255, 'x')), std::string(255, 'x'));
  for (const std::string& odd : {"a b"s, "a\nb"s, "a\0b"s, "\x1b[0m"s, "caf\xc3\xa9"s, "\x7f"s}) {
    EXPECT_EQ(name(odd), "") << "not safe to print: " << testing::PrintToString(odd);
  }
}

TEST(ProxyHeader, SkipsTheFieldsItDoesNotKnow) {
  const std::string unknown =
      tlv(0x01, "h2") + tlv(0x04, "") + tlv(0x05, "id") + tlv(0x30, "netns") + tlv('\xea', "vpce");
  const ProxyHeader header = accepted(
      v2(proxy, tcp6, addresses6 + unknown + tlv(0x20, "\x01" + verified) + unknown + tlv(0x02, "name") + unknown));
  EXPECT_EQ(header.source, ip("2001:db8::1", 4711));
  EXPECT_TRUE(header.tls);
  EXPECT_EQ(header.authority, "name");
}

TEST(ProxyHeader, RefusesAFieldThatIsLongerThanTheHeader) {
  const std::string good = tlv(0x01, "h2");
  for (const std::string& bad :
       {"\x01"s, "\x01\0"s, "\x01\0\x01"s, "\x01\xff\xff"s, "\x01\0\x03h2"s, tlv(0x01, "h2") + "\x04"}) {
    expect_refused(v2(proxy, tcp4, addresses4 + bad));
    expect_refused(v2(proxy, tcp4, addresses4 + good + bad));
    expect_refused(v2(proxy, unix_stream, padded("/a") + padded("/b") + bad));
    expect_refused(v2(proxy, tcp4, addresses4 + tlv(0x20, "\x01" + verified + bad)));
  }
}

TEST(ProxyHeader, RefusesAnOddFieldOfItsOwn) {
  for (const std::string& bad : {tlv(0x20, ""), tlv(0x20, "\x01\0\0\0"s), tlv(0x03, ""), tlv(0x03, "\0\0\0"s),
                                 tlv(0x03, "\0\0\0\0\0"s), tlv(0x02, std::string(256, 'x'))}) {
    expect_refused(v2(proxy, tcp4, addresses4 + bad));
  }
  for (const std::string& once : {tlv(0x20, "\x01" + verified), tlv(0x02, "name")}) {
    expect_refused(v2(proxy, tcp4, addresses4 + once + once));
  }
}

TEST(ProxyHeader, ChecksTheChecksumWhereverItStands) {
  EXPECT_EQ(crc32c_of("123456789"), "\xe3\x06\x92\x83") << "RFC 3720's check value";
  const std::string name = tlv(0x02, "desk.example.org");
  for (const std::string& good : {with_checksum("", ""), with_checksum(name, ""), with_checksum("", name),
                                  with_checksum(name, tlv(0x04, std::string(1000, '\0')))}) {
    EXPECT_EQ(accepted(good).source, ip("192.0.2.1", 4711));
  }
}

TEST(ProxyHeader, RefusesEveryOneBitErrorUnderAChecksum) {
  const std::string good = with_checksum(tlv(0x02, "name"), "");
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      const Outcome outcome = read_in_pieces({bytes_of(std::as_const(bad))});
      // A longer length waits for bytes that never come; a LOCAL is not looked into; without the type there is no
      // checksum. Everything else is refused.
      const bool length = at == 14 || at == 15;
      const bool to_local = at == 12 && bit == 0;
      const bool checksum_type = at == good.size() - 7;
      if (to_local || checksum_type) { continue; }
      EXPECT_TRUE(outcome.state == State::failed || (length && outcome.state == State::incomplete))
          << "bit " << bit << " of byte " << at;
    }
  }
}

TEST(ProxyHeader, RefusesTwoChecksums) {
  const std::string two = tlv(0x03, "\0\0\0\0"s);
  expect_refused(with_checksum("", two));
  expect_refused(with_checksum(two, ""));
}

// --- writing ---------------------------------------------------------------------------------------------------------

TEST(ProxyHeader, IsWrittenToTheLetter) {
  const Address source = ip("192.0.2.1", 4711);
  const Address destination = ip("198.51.100.2", 443);
  EXPECT_EQ(proxy_header(ProxyVersion::v1, source, destination), "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n");
  EXPECT_EQ(proxy_header(ProxyVersion::v2, source, destination), v2(proxy, tcp4, addresses4));

  const Address source6 = ip("2001:db8::1", 4711);
  const Address destination6 = ip("2001:db8::2", 443);
  EXPECT_EQ(proxy_header(ProxyVersion::v1, source6, destination6), "PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n");
  EXPECT_EQ(proxy_header(ProxyVersion::v2, source6, destination6), v2(proxy, tcp6, addresses6));
}

TEST(ProxyHeader, IsWrittenAsIpv6WhenTheFamiliesDiffer) {
  EXPECT_EQ(proxy_header(ProxyVersion::v1, ip("192.0.2.1", 1), ip("2001:db8::2", 2)),
            "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n");
  EXPECT_EQ(proxy_header(ProxyVersion::v1, ip("2001:db8::1", 1), ip("192.0.2.2", 2)),
            "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 1 2\r\n");
  EXPECT_EQ(proxy_header(ProxyVersion::v1, ip("::ffff:192.0.2.1", 1), ip("192.0.2.2", 2)),
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
      << "a mapped address is of IPv4";
}

TEST(ProxyHeader, OfAVisitorWithoutAnIpAddressTellsNothing) {
  const Address destination = ip("198.51.100.2", 443);
  for (const Address& source : {Address(), Address::unix_path(""), Address::unix_path("/run/visitor.sock")}) {
    EXPECT_EQ(proxy_header(ProxyVersion::v1, source, destination), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(proxy_header(ProxyVersion::v2, source, destination), v2(proxy, 0, ""));
  }
}

TEST(ProxyHeader, OfAVisitorOfAUnixSocketStillTellsHim) {
  for (const Address& destination : {Address(), Address::unix_path("/run/ours.sock")}) {
    EXPECT_EQ(proxy_header(ProxyVersion::v1, ip("192.0.2.1", 1), destination), "PROXY TCP4 192.0.2.1 0.0.0.0 1 0\r\n");
    EXPECT_EQ(proxy_header(ProxyVersion::v1, ip("2001:db8::1", 1), destination), "PROXY TCP6 2001:db8::1 :: 1 0\r\n");
  }
}

TEST(ProxyHeader, OfOurOwnConnectionsIsLocal) {
  EXPECT_EQ(local_proxy_header(ProxyVersion::v1), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(local_proxy_header(ProxyVersion::v2), v2(local, 0, ""));
  EXPECT_TRUE(accepted(local_proxy_header(ProxyVersion::v1)).local);
  EXPECT_TRUE(accepted(local_proxy_header(ProxyVersion::v2)).local);
}

TEST(ProxyHeader, IsReadAsItWasWritten) {
  const std::vector<std::string> literals{
      "0.0.0.0", "192.0.2.1",   "255.255.255.255", "::",
      "::1",     "2001:db8::1", "1:2:3:4:5:6:7:8", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
  const std::vector<std::uint16_t> ports{0, 1, 80, 65535};
  for (const std::string& source : literals) {
    for (const std::string& destination : literals) {
      for (const std::uint16_t port : ports) {
        for (const ProxyVersion version : {ProxyVersion::v1, ProxyVersion::v2}) {
          const ProxyHeader header = accepted(proxy_header(version, ip(source, port), ip(destination, 443)));
          EXPECT_FALSE(header.local);
          EXPECT_EQ(header.source, ip(source, port));
          EXPECT_EQ(header.destination, ip(destination, 443));
        }
      }
    }
  }
}

}  // namespace
}  // namespace bascule::wire
