#include "proxy/base/network.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bascule {
namespace {

std::string text_of_network(std::string_view text) {
  const auto network = Network::parse(text);
  return network ? network->text() : "none";
}

Address ip(std::string_view literal) {
  return Address::parse_ip(literal, 80).value();
}

TEST(Network, ReadsWhatOperatorsWriteAndWritesItInItsShortestForm) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"192.0.2.128/25", "192.0.2.128/25"},
      {"192.0.2.7", "192.0.2.7"},
      {"192.0.2.7/32", "192.0.2.7"},
      {"2001:DB8:0::/32", "2001:db8::/32"},
      {"::/0", "::/0"},
      {"fe80::/10", "fe80::/10"},
      {"2001:db8::1", "2001:db8::1"},
      {"2001:db8::1/128", "2001:db8::1"},
      {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
      {"::ffff:0:0/96", "0.0.0.0/0"},
      {"::ffff:192.0.2.7", "192.0.2.7"},
      {"::ffff:192.0.2.7/128", "192.0.2.7"},
      {"::/80", "::/80"},
  };
  for (const auto& [written, text] : cases) {
    EXPECT_EQ(text_of_network(written), text);
    EXPECT_EQ(text_of_network(text), text) << "what it prints is read again";
  }
}

TEST(Network, RefusesWhatIsNoNetwork) {
  for (const std::string_view text : {"",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/08",
                                      "10.0.0.0/+8",
                                      "10.0.0.0/8/8",
                                      "10.0.0.1/8",
                                      "10.1.0.0/8",
                                      "10.0.0.0/-1",
                                      "10.0.0.0 /8",
                                      "10.0.0.0/ 8",
                                      "10/8",
                                      "10.0.0/8",
                                      "0.0.0.1/0",
                                      "::1/0",
                                      "010.0.0.0/8",
                                      "10.0.0.0/8.0.0.0",
                                      "[::1]",
                                      "[2001:db8::]/32",
                                      "2001:db8::/129",
                                      "2001:db8/32",
                                      "fe80::1%lo",
                                      "192.0.2.7:80",
                                      "localhost",
                                      "unix",
                                      "*",
                                      "2001:db8::1/127",
                                      "192.0.2.129/25",
                                      "::ffff:10.0.0.1/104",
                                      "::ffff:0:0/95",
                                      "10.0.0.0/4294967304",
                                      "10.0.0.0/18446744073709551624"}) {
    EXPECT_EQ(text_of_network(text), "none") << text;
  }
}

TEST(Network, ContainsTheAddressesOfItsPrefix) {
  struct Case {
    std::string network;
    std::vector<std::string> inside;
    std::vector<std::string> outside;
  };
  const std::vector<Case> cases{
      {"10.0.0.0/8", {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"}, {"9.255.255.255", "11.0.0.0", "::10.1.2.3"}},
      {"192.0.2.128/25", {"192.0.2.128", "192.0.2.255"}, {"192.0.2.127", "192.0.3.128"}},
      {"192.0.2.6/31", {"192.0.2.6", "192.0.2.7"}, {"192.0.2.5", "192.0.2.8"}},
      {"192.0.2.7", {"192.0.2.7", "::ffff:192.0.2.7"}, {"192.0.2.6", "192.0.2.8"}},
      {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, {"::", "2001:db8::1"}},
      {"::/0", {"::", "2001:db8::1", "ffff::"}, {"1.2.3.4", "::ffff:1.2.3.4"}},
      {"2001:db8::/33", {"2001:db8::", "2001:db8:7fff::1"}, {"2001:db8:8000::", "2001:db9::"}},
      {"fe80::/10", {"fe80::1", "febf::1"}, {"fec0::1", "fe7f::1"}},
      {"2001:db8::1", {"2001:db8::1"}, {"2001:db8::", "2001:db8::2"}},
  };
  for (const Case& each : cases) {
    const Network network = Network::parse(each.network).value();
    for (const std::string& address : each.inside) {
      EXPECT_TRUE(network.contains(ip(address))) << each.network << address;
    }
    for (const std::string& address : each.outside) {
      EXPECT_FALSE(network.contains(ip(address))) << each.network << address;
    }
    EXPECT_FALSE(network.contains(Address()));
    EXPECT_FALSE(network.contains(Address::unix_path("/s")));
  }
}

TEST(Network, LooksNeitherAtPortsNorAtScopes) {
  const std::array<std::uint8_t, 16> link_local{0xfe, 0x80};
  EXPECT_TRUE(Network::parse("fe80::/10")->contains(Address::ipv6(link_local, 443, 2)));
}

// Both ways of saying it, for every prefix of an address: by the bits, and by what is in it.
TEST(Network, CoversWhatHasALongerPrefixOfTheSameBits) {
  const Network eight = Network::parse("10.0.0.0/8").value();
  EXPECT_TRUE(eight.covers(eight));
  EXPECT_TRUE(eight.covers(*Network::parse("10.20.0.0/16")));
  EXPECT_TRUE(eight.covers(*Network::parse("10.20.30.40")));
  EXPECT_TRUE(eight.covers(*Network::parse("::ffff:10.20.0.0/112")));
  EXPECT_FALSE(eight.covers(*Network::parse("8.0.0.0/7"))) << "wider";
  EXPECT_FALSE(eight.covers(*Network::parse("11.0.0.0/16"))) << "beside";
  EXPECT_FALSE(eight.covers(*Network::parse("::/0")));
  EXPECT_FALSE(Network::parse("::/0")->covers(eight)) << "another family";
  EXPECT_FALSE(eight.covers(Network())) << "no network at all";
}

TEST(Network, ContainsItsOwnBaseAtEveryLengthOfPrefix) {
  for (unsigned bits = 0; bits <= 128; ++bits) {
    std::array<std::uint8_t, 16> octets{};
    for (unsigned bit = 0; bit < bits; ++bit) {
      octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] | (0x80U >> (bit % 8)));
    }
    const std::string text = Address::ipv6(octets, 0).host_text() + "/" + std::to_string(bits);
    const auto network = Network::parse(text);
    ASSERT_TRUE(network) << text;
    EXPECT_EQ(network->prefix_bits(), bits);
    EXPECT_TRUE(network->contains(Address::ipv6(octets, 1))) << text;
    if (bits == 0) { continue; }
    octets[(bits - 1) / 8] = static_cast<std::uint8_t>(octets[(bits - 1) / 8] ^ (0x80U >> ((bits - 1) % 8)));
    EXPECT_FALSE(network->contains(Address::ipv6(octets, 1))) << text << " and the last bit of the prefix turned over";
  }
}

TEST(AddressSet, HoldsNetworksOfBothFamiliesAndTheWordUnix) {
  AddressSet set;
  EXPECT_FALSE(set.contains(ip("127.0.0.1")));
  EXPECT_FALSE(set.contains(Address::unix_path("")));
  set.networks = {*Network::parse("127.0.0.0/8"), *Network::parse("::1")};
  EXPECT_TRUE(set.contains(ip("127.0.0.1")));
  EXPECT_TRUE(set.contains(ip("::ffff:127.0.0.1")));
  EXPECT_TRUE(set.contains(ip("::1")));
  EXPECT_FALSE(set.contains(ip("192.0.2.1")));
  EXPECT_FALSE(set.contains(Address::unix_path("")));
  EXPECT_FALSE(set.contains(Address()));
  set.unix_sockets = true;
  EXPECT_TRUE(set.contains(Address::unix_path("")));
  EXPECT_TRUE(set.contains(Address::unix_path("/run/x.sock")));
  EXPECT_FALSE(set.contains(Address()));
}

}  // namespace
}  // namespace bascule
