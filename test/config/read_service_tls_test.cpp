// `tls` of a service and of a route's own `to`, and 'tls://' in an address.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/certificates.hpp"
#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::Service;
using policy::ServiceTls;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ReadServiceTls : public testing::Test {
 protected:
  ReadServiceTls() { write_certificates(folder_.path()); }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  // `to` begins in column 7 of line 6.
  Result<Reading, Mistakes> read(const std::string& to) const {
    return read_rules(one_route("  path: \"/x/{id}\"\n  auth: none\n  to: " + to + "\n"), path("site.yaml"));
  }
  Service service_at(const std::string& to) const {
    const Reading reading = reading_of(read(to));
    if (reading.rules.routes.size() != 1 || reading.rules.routes.front()->service() == nullptr) {
      ADD_FAILURE() << "one service expected for " << to;
      return {};
    }
    return *reading.rules.routes.front()->service();
  }
  std::vector<std::string> mistakes_of(const std::string& to) const {
    const auto reading = read(to);
    return reading ? std::vector<std::string>() : texts_of(reading.error());
  }

  TemporaryFolder folder_;
};

TEST_F(ReadServiceTls, IsWithoutUnlessItIsWritten) {
  for (const char* to : {"a.lan:1", "tcp://a.lan:1", "{address: \"a.lan:1\", tls: false}"}) {
    EXPECT_FALSE(service_at(to).tls.has_value()) << to;
  }
}

TEST_F(ReadServiceTls, MayBeWrittenInShortForm) {
  for (const char* to :
       {"tls://a.lan:1", "{address: \"tls://a.lan:1\"}", "{address: \"a.lan:1\", tls: true}",
        "{addresses: [tls://a.lan:1, tls://b.lan:1]}", "{addresses: [a.lan:1, b.lan:1], tls: {}}",
        "{address: \"tls://desk-{path.id}.lan:1\", within: 10.0.0.0/8}", "{address: \"tls://a.lan:1\", tls: true}"}) {
    const Service service = service_at(to);
    ASSERT_TRUE(service.tls.has_value()) << to;
    EXPECT_EQ(*service.tls, ServiceTls()) << to;
    ASSERT_NE(service.tls->client, nullptr) << to;
    EXPECT_NE(service.tls->client->current(), nullptr) << to;
    EXPECT_THAT(service.written, StartsWith("tls://")) << to;
  }
}

TEST_F(ReadServiceTls, ReadsEveryKey) {
  const auto tls = service_at(
                       "{address: \"a.lan:1\", tls: {ca: certs/brokers-ca.pem, server_name: Broker.lan, "
                       "certificate: certs/bascule.pem, key: {file: certs/bascule.key}, verify: true}}")
                       .tls;
  ASSERT_TRUE(tls.has_value());
  EXPECT_EQ(tls->ca, path("certs/brokers-ca.pem"));
  EXPECT_EQ(tls->server_name, "broker.lan");
  EXPECT_EQ(tls->certificate, path("certs/bascule.pem"));
  EXPECT_EQ(tls->key.file, path("certs/bascule.key"));
  EXPECT_TRUE(tls->verify);
  EXPECT_THAT(tls->files,
              ElementsAre(path("certs/brokers-ca.pem"), path("certs/bascule.pem"), path("certs/bascule.key")));
  EXPECT_EQ(service_at("{address: \"unix:/run/x.sock\", tls: {server_name: \"10.0.0.1\"}}").tls->server_name,
            "10.0.0.1");
}

TEST_F(ReadServiceTls, ReadsItOfASharedService) {
  const Reading reading =
      reading_of(read_rules("services: {broker: {address: \"a.lan:1\", tls: {ca: certs/brokers-ca.pem}}}\n" +
                                one_route("  path: /\n  auth: none\n  to: broker\n"),
                            path("site.yaml")));
  EXPECT_EQ(reading.rules.services.at("broker")->tls->ca, path("certs/brokers-ca.pem"));
}

// A thousand services with the system's authorities hold them once.
TEST_F(ReadServiceTls, SharesWhatIsReadFromTheSameFiles) {
  const std::string rest = ", path: /, auth: none, to: {address: \"a.lan:1\", tls: ";
  const auto reading =
      read_rules("listen: 127.0.0.1:1\nroutes:\n- {name: a, host: a.example" + rest +
                     "{server_name: a.lan}}}\n- {name: b, host: b.example" + rest +
                     "{server_name: b.lan}}}\n- {name: c, host: c.example" + rest + "{ca: certs/brokers-ca.pem}}}\n",
                 path("site.yaml"));
  const auto& routes = reading_of(reading).rules.routes;
  ASSERT_EQ(routes.size(), 3U);
  EXPECT_EQ(routes[0]->service()->tls->client, routes[1]->service()->tls->client);
  EXPECT_NE(routes[0]->service()->tls->client, routes[2]->service()->tls->client);
  EXPECT_EQ(routes[1]->service()->tls->server_name, "b.lan");
}

TEST_F(ReadServiceTls, SaysWhatIsWrong) {
  struct Row {
    std::string to;
    std::string mistake;
  };
  const std::string of = " of 'tls' of 'to' of route 'desk'";
  const std::string file = "'" + path("certs/none.pem") + "'";
  const std::vector<Row> rows{
      {"{address: \"a.lan:1\", tls: yes}",
       "6:33: 'tls' of 'to' of route 'desk' is a map: tls: {ca: brokers-ca.pem, server_name: broker}, or 'tls: true'"},
      {"{addresses: [tls://a.lan:1, b.lan:1]}",
       "6:35: 'addresses' of 'to' of route 'desk': one address says 'tls://' and this one does not; all of them, or "
       "none"},
      {"{address: \"tls://a.lan:1\", tls: false}",
       "6:39: 'tls' of 'to' of route 'desk' says no, and the address says 'tls://'"},
      {"{address: \"tcp://a.lan:1\", tls: true}",
       "6:17: this address says 'tcp://', which is without TLS, and 'tls' of 'to' of route 'desk' with; leave the "
       "'tcp://' out"},
      {"{address: \"a.lan:1\", tls: {ca: certs/none.pem}}", "6:38: 'ca'" + of + ": there is no " + file},
      {"{address: \"a.lan:1\", tls: {certificate: certs/none.pem, key: {file: certs/bascule.key}}}",
       "6:47: 'certificate'" + of + ": there is no " + file},
      {"{address: \"a.lan:1\", tls: {key: {file: certs/bascule.key}}}",
       "6:39: 'key'" + of + " does nothing without the certificate that it belongs to; 'certificate: own.pem'"},
      {"{address: \"a.lan:1\", tls: {certificate: certs/bascule.pem, key: hunter2}}",
       "6:71: 'key'" + of + ": a secret does not stand in a rules file; write {file: path} or {env: NAME}"},
      {"{address: \"a.lan:1\", tls: {verify: false, ca: certs/brokers-ca.pem}}",
       "6:53: 'ca'" + of + " does nothing, for nothing is verified ('verify: false')"},
      {"{address: \"a.lan:1\", tls: {server_name: \"*.lan.example\"}}",
       "6:47: 'server_name'" + of + ": this is one name, not a pattern for many"},
      {"{address: \"unix:/run/x.sock\", tls: true}",
       "6:7: 'to' of route 'desk' is at a Unix socket, which has no name that a certificate could be for; 'tls: "
       "{server_name: broker}' says which"},
  };
  for (const Row& row : rows) { EXPECT_THAT(mistakes_of(row.to), ElementsAre(row.mistake)) << row.to; }
  EXPECT_THAT(
      mistakes_of("{address: \"a.lan:1\", tls: {certificate: certs/bascule.pem, key: {file: certs/site.key}}}"),
      ElementsAre(StartsWith("6:78: 'key'" + of + ": '" + path("certs/site.key") + "': the key is not the one")));
}

TEST_F(ReadServiceTls, WarnsWhereNothingIsVerified) {
  const auto said = texts_of(reading_of(read("{address: \"unix:/run/x.sock\", tls: {verify: false}}")).warnings);
  EXPECT_THAT(said,
              ElementsAre("6:51: 'verify' of 'tls' of 'to' of route 'desk': whoever gets in between is taken for "
                          "the service, for neither its certificate nor its name is looked at; 'ca' names whom to "
                          "believe"));
}

}  // namespace
}  // namespace bascule::config
