// The files of TLS, read again: when one of them changes, and when only one half of a pair has.
#include "proxy/config/read_tls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "test/config/certificates.hpp"
#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using policy::ListenerTls;
using policy::ServiceTls;
using testing::HasSubstr;
using testing::StartsWith;

class ReadTls : public testing::Test {
 protected:
  ReadTls() {
    write_certificates(folder_.path());
    listener_.certificates = {{.certificate = path("certs/site.pem"), .key = {.file = path("certs/site.key")}}};
    service_.ca = path("certs/brokers-ca.pem");
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  TlsTrouble trouble_with_listener(WallTime now = today()) const {
    const auto made = make_server(listener_, now);
    return made ? TlsTrouble{.file = "(none)", .why = {}} : made.error();
  }

  TemporaryFolder folder_;
  ListenerTls listener_;
  ServiceTls service_;
};

TEST_F(ReadTls, MakesWhatIsWritten) {
  const auto server = make_server(listener_, today());
  ASSERT_TRUE(server) << server.error().why;
  EXPECT_NEAR(std::chrono::duration<double>((*server)->expires() - today()).count(), 365 * 86400.0, 5);
  const auto client = make_client(service_, today());
  ASSERT_TRUE(client) << client.error().why;
  EXPECT_NE(*client, nullptr);
}

TEST_F(ReadTls, RefusesAPairOfWhichOneHalfIsRenewed) {
  const making::Made renewed = certified("DNS:example.org");
  write_private(path("certs/site.pem"), renewed.pem());
  EXPECT_EQ(trouble_with_listener().file, path("certs/site.key"));
  EXPECT_THAT(trouble_with_listener().why, StartsWith("'" + path("certs/site.key") + "': "));
  write_private(path("certs/site.key"), renewed.key_pem());
  EXPECT_EQ(trouble_with_listener().file, "(none)");
}

TEST_F(ReadTls, RefusesAFileThatIsHalfWritten) {
  const std::string whole = certified("DNS:example.org").pem();
  for (const std::size_t size : {std::size_t{0}, whole.size() / 2, whole.size() - 10}) {
    write_private(path("certs/site.pem"), whole.substr(0, size));
    EXPECT_EQ(trouble_with_listener().file, path("certs/site.pem")) << size;
  }
}

TEST_F(ReadTls, NamesTheFileThatIsGone) {
  std::filesystem::remove(path("certs/site.key"));
  EXPECT_EQ(trouble_with_listener().file, path("certs/site.key"));
  std::filesystem::remove(path("certs/brokers-ca.pem"));
  const auto client = make_client(service_, today());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().file, path("certs/brokers-ca.pem"));
  listener_.certificates[0].key = {.env = "NO_SUCH_VARIABLE"};
  EXPECT_EQ(trouble_with_listener().file, "NO_SUCH_VARIABLE");
}

TEST_F(ReadTls, RefusesWhatHasExpiredSince) {
  EXPECT_THAT(trouble_with_listener(today() + 24h * 366).why, HasSubstr("expired on "));
}

// A staple lives for days and its file may be late: visitors do without.
TEST_F(ReadTls, GoesOnWithoutAStapleThatIsOver) {
  listener_.certificates[0].ocsp = path("certs/site.ocsp");
  EXPECT_EQ(trouble_with_listener(today() + 24h * 30).file, "(none)");
  EXPECT_FALSE(read_server_parts(listener_, today()).options.papers.at(0).staple.empty());
  const auto late = read_server_parts(listener_, today() + 24h * 30);
  EXPECT_TRUE(late.options.papers.at(0).staple.empty());
  ASSERT_EQ(late.doubts.size(), 1U);
  EXPECT_EQ(late.doubts[0].with, TlsFinding::With::ocsp);
}

TEST_F(ReadTls, TakesTheAuthoritiesOfTheSystemWhereNoneAreNamedAndNoneWhereNothingIsVerified) {
  EXPECT_NE(read_client_parts({}, today()).options.authorities, nullptr);
  EXPECT_EQ(read_client_parts({.verify = false}, today()).options.authorities, nullptr);
}

TEST_F(ReadTls, FindsAllThatIsWrong) {
  listener_.certificates.push_back({.certificate = path("none.pem")});
  listener_.certificates.push_back({.certificate = path("certs/site.pem"), .key = {.file = path("certs/bascule.key")}});
  listener_.ticket_keys = {{.file = path("certs/site.pem")}};
  const auto parts = read_server_parts(listener_, today());
  using With = TlsFinding::With;
  ASSERT_EQ(parts.troubles.size(), 3U);
  EXPECT_EQ(parts.troubles[0].with, With::certificate);
  EXPECT_EQ(parts.troubles[0].number, 1U);
  EXPECT_EQ(parts.troubles[1].with, With::key);
  EXPECT_EQ(parts.troubles[1].number, 2U);
  EXPECT_EQ(parts.troubles[2].with, With::ticket_key);
}

TEST_F(ReadTls, ListsEveryFileOnce) {
  listener_.certificates.push_back({.certificate = path("certs/site.pem"), .ocsp = path("certs/site.ocsp")});
  listener_.client_ca = service_.ca;
  EXPECT_THAT(files_of(listener_), testing::ElementsAre(path("certs/site.pem"), path("certs/site.key"),
                                                        path("certs/site.ocsp"), service_.ca));
  EXPECT_THAT(files_of(service_), testing::ElementsAre(service_.ca));
}

}  // namespace
}  // namespace bascule::config
