#include "proxy/config/addresses.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/parsing.hpp"

namespace bascule::config {
namespace {

TEST(ParseListenAddress, ReadsAddressesAndSockets) {
  EXPECT_EQ(value(parse_listen_address("127.0.0.1:6080")).text(), "127.0.0.1:6080");
  EXPECT_EQ(value(parse_listen_address("[::1]:6080")).text(), "[::1]:6080");
  EXPECT_EQ(value(parse_listen_address(":6080")).text(), "[::]:6080");
  EXPECT_EQ(value(parse_listen_address("0.0.0.0:0")).text(), "0.0.0.0:0");
  EXPECT_EQ(value(parse_listen_address("unix:/run/x.sock")).text(), "unix:/run/x.sock");
}

TEST(ParseListenAddress, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"6080",
       "'6080' is a port without an address; write '127.0.0.1:6080' for this machine only, or ':6080' for all "
       "addresses"},
      {"127.0.0.1", "'127.0.0.1' has no port; write 'host:port'"},
      {"[::1]", "'[::1]' has no port; write 'host:port'"},
      {"localhost:6080", "an address to listen at is no name; write '127.0.0.1:6080' or \"[::1]:6080\""},
      {"*:6080", "'*' is no address; write ':6080' for all of them"},
      {"::1:6080", "an IPv6 address stands in brackets: \"[::1]:6080\""},
      {"example.org:80", "'example.org' is no address of this machine; write an IP address, or ':80' for all of them"},
      {"127.1:80", "'127.1' is no address of this machine; write an IP address, or ':80' for all of them"},
      {"127.0.0.1:65536", "port 65536 is out of range (0 to 65535)"},
      {"127.0.0.1:", "'' is not a port number"},
      {"127.0.0.1:+80", "'+80' is not a port number"},
      {"127.0.0.1:0x50", "'0x50' is not a port number"},
      {"", "'' has no port; write 'host:port'"},
      {"unix:", "'unix:' needs a whole path, one that begins with '/'"},
      {"unix:run/x", "'unix:run/x' needs a whole path, one that begins with '/'"},
      {"unix:/run/", "'/run/' names a folder, not a socket"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_listen_address(text)), sentence); }
}

// sun_path holds 108 bytes, and the last is a NUL.
TEST(ParseListenAddress, TakesAPathOf107BytesAndNoLonger) {
  const std::string longest = "/" + std::string(106, 'x');
  EXPECT_EQ(value(parse_listen_address("unix:" + longest)).path(), longest);
  EXPECT_EQ(wrong(parse_listen_address("unix:" + longest + "x")),
            "the path of a Unix socket holds at most 107 bytes; this one has 108");
  EXPECT_EQ(wrong(parse_service("unix:" + longest + "x")),
            "the path of a Unix socket holds at most 107 bytes; this one has 108");
}

// --- networks --------------------------------------------------------------------------------------------------------

TEST(ParseNetwork, ReadsNetworksAndAddresses) {
  EXPECT_EQ(value(parse_network("10.0.0.0/8")).text(), "10.0.0.0/8");
  EXPECT_EQ(value(parse_network("2001:db8::/32")).text(), "2001:db8::/32");
  EXPECT_EQ(value(parse_network("192.0.2.7")).text(), "192.0.2.7");
  EXPECT_EQ(value(parse_network("::1")).text(), "::1");
  EXPECT_EQ(value(parse_network("0.0.0.0/0")).prefix_bits(), 0U);
}

TEST(ParseNetwork, SaysWhatIsWrong) {
  const std::string_view names =
      " is no network; write '10.0.0.0/8', '2001:db8::/32' or an address; names are not looked up";
  const std::vector<std::pair<std::string, std::string>> rows{
      {"10.0.0.1/8", "'10.0.0.1/8' has bits behind its first 8; is '10.0.0.0/8' meant?"},
      {"192.0.2.7/31", "'192.0.2.7/31' has bits behind its first 31; is '192.0.2.6/31' meant?"},
      {"2001:db8::1/32", "'2001:db8::1/32' has bits behind its first 32; is '2001:db8::/32' meant?"},
      {"10.0.0.0/33", "'10.0.0.0/33' needs the number of its bits behind the '/': 0 to 32"},
      {"10.0.0.0/", "'10.0.0.0/' needs the number of its bits behind the '/': 0 to 32"},
      {"10.0.0.0/255.0.0.0", "'10.0.0.0/255.0.0.0' needs the number of its bits behind the '/': 0 to 32"},
      {"::1/129", "'::1/129' needs the number of its bits behind the '/': 0 to 128"},
      {"[::1]", "'[::1]' is written without brackets: \"::1\""},
      {"10.0.0.0:80", "'10.0.0.0:80'" + std::string(names)},
      {"10/8", "'10/8'" + std::string(names)},
      {"010.0.0.0/8", "'010.0.0.0/8'" + std::string(names)},
      {"lan.example.org", "'lan.example.org'" + std::string(names)},
      {"", "''" + std::string(names)},
      {"any", "'any' is no network; all addresses are 0.0.0.0/0 and \"::/0\""},
      {"*", "'*' is no network; all addresses are 0.0.0.0/0 and \"::/0\""},
      {"unix", "'unix' is no network; here stand networks and IP addresses"},
      {"localhost", "'localhost' is a name; write 127.0.0.0/8 and \"::1\""},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_network(text)), sentence); }
}

// --- services --------------------------------------------------------------------------------------------------------

using Kind = policy::Endpoint::Kind;

policy::Endpoint endpoint_of(std::string_view text) {
  const ServiceText service = value(parse_service(text));
  EXPECT_TRUE(std::holds_alternative<policy::Endpoint>(service)) << text;
  const auto* endpoint = std::get_if<policy::Endpoint>(&service);
  return endpoint == nullptr ? policy::Endpoint() : *endpoint;
}

TEST(ParseService, ReadsHostsAndPorts) {
  for (const char* text : {"Broker.lan:61613", "tcp://broker.lan:61613", "tls://broker.lan:61613"}) {
    const policy::Endpoint endpoint = endpoint_of(text);
    EXPECT_EQ(endpoint.kind, Kind::tcp);
    EXPECT_EQ(endpoint.host, "broker.lan");
    EXPECT_EQ(endpoint.port, 61613);
  }
  EXPECT_EQ(endpoint_of("127.0.0.1:5900").host, "127.0.0.1");
  EXPECT_EQ(endpoint_of("[::1]:5900").host, "::1");
  EXPECT_EQ(endpoint_of("my_service:5900").host, "my_service");
  EXPECT_EQ(endpoint_of("broker.lan.:5900").host, "broker.lan.");
}

TEST(TransportOf, IsWhatTheAddressSays) {
  EXPECT_EQ(transport_of("tls://broker.lan:1"), Transport::tls);
  EXPECT_EQ(transport_of("tls://desk-{path.id}:1"), Transport::tls);
  EXPECT_EQ(transport_of("tcp://broker.lan:1"), Transport::tcp);
  for (const char* text : {"broker.lan:1", "unix:/tls://x", "tls:1", ""}) {
    EXPECT_EQ(transport_of(text), Transport::unsaid) << text;
  }
}

TEST(ParseService, ReadsSocketsAndTheEcho) {
  EXPECT_EQ(endpoint_of("unix:/run/x.sock").kind, Kind::unix_socket);
  EXPECT_EQ(endpoint_of("unix:/run/x.sock").path, "/run/x.sock");
  EXPECT_TRUE(std::holds_alternative<policy::EchoBack>(value(parse_service("echo:"))));
}

TEST(ParseService, TakesAWordWithoutPortAndDotForAName) {
  for (const std::string name : {"broker", "broker-2", "my_desk"}) {
    const ServiceText service = value(parse_service(name));
    ASSERT_TRUE(std::holds_alternative<ServiceName>(service)) << name;
    EXPECT_EQ(std::get<ServiceName>(service).name, name);
  }
}

TEST(ParseService, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"5900", "'5900' is a port without a host; write '127.0.0.1:5900'"},
      {"echo", "the built-in echo is written \"echo:\""},
      {"broker.lan", "'broker.lan' has no port; write 'host:port'"},
      {"broker:0", "port 0 is out of range (1 to 65535)"},
      {"broker:65536", "port 65536 is out of range (1 to 65535)"},
      {"broker:.nan", "'.nan' is not a port number"},
      {"broker:", "'' is not a port number"},
      {":5900", "'' is not a host name or an address"},
      {"::1:5900", "an IPv6 address stands in brackets: \"[::1]:5900\""},
      {"127.1:5900", "'127.1' is not a host name or an address"},
      {"a b:5900", "'a b' is not a host name or an address"},
      {"http://broker:80",
       "'http://broker:80' is no way to a service; there are 'host:port', 'tcp://host:port', "
       "'tls://host:port', 'unix:/path' and \"echo:\""},
      {"broker:80/x", "'broker:80/x' has a path in it; a service has a host and a port only"},
      {"desk-{path.id}:5900",
       "'desk-{path.id}:5900' is made from the visitor's words, so it needs the networks it may lead to; write "
       "{address: \"desk-{path.id}:5900\", within: [10.20.0.0/16]}"},
      {"unix:x", "'unix:x' needs a whole path, one that begins with '/'"},
      {"", "'' has no port; write 'host:port'"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_service(text)), sentence); }
}

// --- addresses made from the visitor's words -------------------------------------------------------------------------

TEST(ParseMadeAddress, CutsItIntoHostAndPort) {
  const policy::MadeAddress desk = value(parse_made_address("desk-{path.id}.lan:5900"));
  EXPECT_EQ(desk.host.text(), "desk-{path.id}.lan");
  EXPECT_EQ(desk.port.text(), "5900");
  EXPECT_EQ(desk.written, "desk-{path.id}.lan:5900");
  EXPECT_EQ(value(parse_made_address("tcp://{query.host}:{query.port}")).written, "{query.host}:{query.port}");
  EXPECT_EQ(value(parse_made_address("{query.host}:59{path.screen}")).port.text(), "59{path.screen}");
  EXPECT_EQ(value(parse_made_address("10.20.0.{path.id}:5900")).host.text(), "10.20.0.{path.id}");
  EXPECT_EQ(value(parse_made_address("[fd00::{path.id}]:5900")).host.text(), "[fd00::{path.id}]");
}

TEST(ParseMadeAddress, SaysWhatIsWrong) {
  const std::vector<WrongRow> rows{
      {"desk-{path.id}", "'desk-{path.id}' has no port; write 'host:port'"},
      {"desk-{path.id}:", "'' is not a port number"},
      {"desk-{path.id}:0", "port 0 is out of range (1 to 65535)"},
      {"desk-{path.id}:65536", "port 65536 is out of range (1 to 65535)"},
      {"desk-{path.id}:5x{path.n}", "'5x{path.n}' is not a port number"},
      {":{path.id}", "'' is not a host name or an address"},
      {"de sk-{path.id}:1", "'de sk-{path.id}' is not a host name or an address"},
      {"desk..{path.id}:1", "'desk..{path.id}' is not a host name or an address"},
      {"unix:/run/{path.id}.sock",
       "the path of a Unix socket is not made from a visitor's words; use 'lookup', with a table of sockets"},
      {"{path.id}:1/x", "'{path.id}:1/x' has a path in it; a service has a host and a port only"},
      {"http://{path.id}:1", "'http://{path.id}:1' has a path in it; a service has a host and a port only"},
      {"{id}:1",
       "'{id}' is no word; there are {path.x}, {query.x}, {header.x}, {cookie.x}, {claim.x}, {host}, {sni}, {user} "
       "and {client.address}"},
      {"{path.}:1", "'{path.}' lacks a name: '{path.x}'"},
      {"{path.id:1", "'{path.id:1' has no port; write 'host:port'"},
      {"path.id}:1", "'path.id}' is not a host name or an address"},
  };
  for (const auto& [text, sentence] : rows) { EXPECT_EQ(wrong(parse_made_address(text)), sentence); }
}

}  // namespace
}  // namespace bascule::config
