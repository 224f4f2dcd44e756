#include "proxy/tls/authorities.hpp"

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "test/tls/making.hpp"

namespace bascule::tls {
namespace {

using making::Made;
using making::make;

// Whether they vouch for it at noon; the chain is what came with it.
bool vouch_for(const Authorities& authorities, const Made& made) {
  using Context = std::unique_ptr<X509_STORE_CTX, FreedBy<X509_STORE_CTX_free>>;
  const Context context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), authorities.store(), made.certificate.get(), nullptr);
  X509_STORE_CTX_set_time(context.get(), 0, std::chrono::system_clock::to_time_t(making::noon));
  return X509_verify_cert(context.get()) == 1;
}

// The variables by which OpenSSL is told where the system's are; as they were, when it goes.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* const before = std::getenv(name);
    if (before != nullptr) { before_ = before; }
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class OfTheSystem : public testing::Test {
 protected:
  OfTheSystem() { std::filesystem::create_directories(folder_); }
  ~OfTheSystem() override { std::filesystem::remove_all(root_); }

  static std::filesystem::path fresh_folder() {
    std::string name = testing::TempDir() + "authorities-XXXXXX";
    return ::mkdtemp(name.data());
  }
  static void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }

  const std::filesystem::path root_ = fresh_folder();
  const std::filesystem::path file_ = root_ / "all.pem";
  const std::filesystem::path folder_ = root_ / "certs";
  const Variable file_variable_{"SSL_CERT_FILE", file_};
  const Variable folder_variable_{"SSL_CERT_DIR", folder_};
};

TEST(Authorities, VouchForWhomTheyIssuedAndForNobodyElse) {
  const Made ours = make({.common_name = "ours", .authority = true});
  const Made foreign = make({.common_name = "foreign", .authority = true});
  const auto authorities = Authorities::read(ours.pem());
  ASSERT_TRUE(authorities);
  EXPECT_TRUE(vouch_for(**authorities, make({}, &ours)));
  EXPECT_FALSE(vouch_for(**authorities, make({}, &foreign)));
}

TEST(Authorities, NeedNoRootAboveThem) {
  const Made root = make({.common_name = "root", .authority = true});
  const Made below = make({.common_name = "below", .authority = true}, &root);
  const auto authorities = Authorities::read(below.pem());
  ASSERT_TRUE(authorities);
  EXPECT_TRUE(vouch_for(**authorities, make({}, &below)));
  EXPECT_FALSE(vouch_for(**authorities, make({}, &root)));
}

TEST(Authorities, MayStandAmongOtherText) {
  const Made a = make({.common_name = "a", .authority = true});
  const Made b = make({.common_name = "b", .authority = true});
  const auto authorities = Authorities::read("# ours\n" + a.pem() + "\n# and theirs\r\n" + b.pem() + "the end");
  ASSERT_TRUE(authorities);
  EXPECT_TRUE(vouch_for(**authorities, make({}, &a)));
  EXPECT_TRUE(vouch_for(**authorities, make({}, &b)));
  ASSERT_EQ((*authorities)->names().size(), 2U);
  EXPECT_EQ(X509_NAME_cmp((*authorities)->names()[1], X509_get_subject_name(b.certificate.get())), 0);
}

TEST(Authorities, HaveTheDigestOfTheirSet) {
  const std::string a = make({.common_name = "a", .authority = true}).pem();
  const std::string b = make({.common_name = "b", .authority = true}).pem();
  const auto digest_of = [](const std::string& pem) { return (*Authorities::read(pem))->digest(); };
  EXPECT_EQ(digest_of(a).size(), 32U);
  EXPECT_EQ(digest_of(a + b), digest_of(b + a));
  EXPECT_EQ(digest_of(a + b), digest_of(a + b + a));
  EXPECT_NE(digest_of(a), digest_of(b));
  EXPECT_NE(digest_of(a), digest_of(a + b));
  // A renewed authority of the same name is another one.
  EXPECT_NE(digest_of(a), digest_of(make({.common_name = "a", .authority = true}).pem()));
}

TEST(Authorities, AreNamedOnceHoweverOftenTheyStandThere) {
  const std::string a = make({.common_name = "a", .authority = true}).pem();
  const auto authorities = Authorities::read(a + a);
  ASSERT_TRUE(authorities);
  EXPECT_EQ((*authorities)->names().size(), 1U);
}

TEST(Authorities, AreRefusedWithTheReasonWhereTheTextHoldsSomethingElse) {
  const Made made = make({.authority = true});
  const std::string pem = made.pem();
  std::string broken = pem;
  broken.replace(pem.size() / 2, 4, "!!!!");
  struct Case {
    std::string text;
    std::string why;
  };
  const std::vector<Case> cases{
      {"", "it is empty"},
      {"nothing of the kind", "no certificate in it"},
      {made.der(), "not PEM but DER; `openssl x509"},
      {pem.substr(0, pem.size() / 2), "certificate 1 cannot be read"},
      {pem + broken, "certificate 2 cannot be read"},
      {pem + made.key_pem(), "a private key stands in it"},
      {pem + made.traditional_key_pem(), "a private key stands in it"},
  };
  for (const Case& each : cases) {
    const auto authorities = Authorities::read(each.text);
    ASSERT_FALSE(authorities) << each.why;
    EXPECT_EQ(authorities.error().what, Bad::What::authorities);
    EXPECT_NE(authorities.error().why.find(each.why), std::string::npos) << authorities.error().why;
  }
}

TEST_F(OfTheSystem, StandInOneFileOrInAFolderByTheirHashes) {
  const Made in_file = make({.common_name = "in file", .authority = true});
  const Made in_folder = make({.common_name = "in folder", .authority = true});
  const Made beside = make({.common_name = "beside", .authority = true});
  write(file_, in_file.pem());
  write(folder_ / "0123abcd.0", in_folder.pem());
  write(folder_ / "beside.pem", beside.pem());  // as OpenSSL does: by its hash, or not at all

  const auto authorities = Authorities::of_the_system();
  ASSERT_TRUE(authorities) << authorities.error().why;
  EXPECT_TRUE(vouch_for(**authorities, make({}, &in_file)));
  EXPECT_TRUE(vouch_for(**authorities, make({}, &in_folder)));
  EXPECT_FALSE(vouch_for(**authorities, make({}, &beside)));
  EXPECT_TRUE((*authorities)->names().empty());
  EXPECT_EQ((*authorities)->digest(), (*Authorities::read(in_folder.pem() + in_file.pem()))->digest());
}

TEST_F(OfTheSystem, AreLessOnlyByTheOneThatIsBroken) {
  const Made whole = make({.common_name = "whole", .authority = true});
  write(file_, "-----BEGIN CERTIFICATE-----\nMIIB\n");
  write(folder_ / "0123abcd.0", whole.pem());
  const auto authorities = Authorities::of_the_system();
  ASSERT_TRUE(authorities) << authorities.error().why;
  EXPECT_TRUE(vouch_for(**authorities, make({}, &whole)));
}

TEST_F(OfTheSystem, AreSharedWhileTheyAreInUseAndUnchanged) {
  write(file_, make({.common_name = "a", .authority = true}).pem());
  auto first = Authorities::of_the_system();
  ASSERT_TRUE(first);
  EXPECT_EQ(*Authorities::of_the_system(), *first);

  write(file_, make({.common_name = "b", .authority = true}).pem());
  const auto second = Authorities::of_the_system();
  ASSERT_TRUE(second);
  EXPECT_NE(*second, *first);
  EXPECT_NE((*second)->digest(), (*first)->digest());
}

TEST_F(OfTheSystem, MayBeNoneAndThatIsSaid) {
  const auto authorities = Authorities::of_the_system();
  ASSERT_FALSE(authorities);
  EXPECT_NE(authorities.error().why.find("install the package ca-certificates"), std::string::npos);
}

}  // namespace
}  // namespace bascule::tls
