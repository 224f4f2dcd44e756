#include "proxy/proof/password.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace bascule::proof {
namespace {

struct Vector {
  std::string hash;
  std::string password;
};

// Made by htpasswd, openssl passwd, mkpasswd and Perl's crypt, each at its lowest cost.
const std::vector<Vector> strong{
    {"$2y$04$zmau7i/vzvOq0Z4LUosHu.oeo0sxFSOt8EENUcor3Of4iyWs79Sga", "secret"},
    {"$2y$04$gcLCgesRyQpa.Smwc69reeYOyrRsbyavqot7gnEdUmmU2vQbpRPcO", "na\xc3\xafve pass:word"},
    {"$2y$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq", ""},
    {"$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret"},
    {"$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret"},
    {"$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2", "secret"},
    {"$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/"
     "Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/",
     "secret"},
    {"$y$j65$saltsalt$ZBgCnmTi1Hbwvv2gFR.M7Udb6gYH.tHv7G7Vc22nd3C", "secret"},
    {"$gy$j65$saltsalt$Jf.MxlL.mu2vJd272TsllgqW/Giz7D7QGkYkaRL/569", "secret"},
    {"$7$6/..../....saltsalt$hkuxrt1yzr1QIqbG6RMgFo9hN8IbKHmrUN7319pDk35", "secret"},
};
const std::vector<Vector> weak{
    {"$1$saltsalt$9xy1btjgzLYfb7hivXtC//", "secret"},
    {"$apr1$ekBwurO7$xyMyOLRq3xvqrILxn6wtP/", "secret"},
    {"$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/", "password"},
    {"$apr1$saltsalt$a8ml/vK5HEjiZ5oypDWA7/", ""},
    {"$apr1$saltsalt$OEnK0QmmvoDzFw9W2yFYT/", "a"},
    {"$apr1$saltsalt$7hmIwpCHNzgQaYVDtspj30", "0123456789abcdef0123"},
    {"$apr1$a$Lan2P1/gyXyolOhaX5VcC0", "na\xc3\xafve"},
    {"$apr1$12345678$yiFoyfrrVNwrIepED8sjv0", std::string(100, 'x')},
    {"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"},
};

TEST(PasswordMatches, AgreesWithWhatOthersHaveHashed) {
  for (const auto& [hash, password] : strong) {
    EXPECT_TRUE(password_matches(password, hash)) << hash;
    EXPECT_EQ(strength_of(hash), HashStrength::strong) << hash;
  }
  for (const auto& [hash, password] : weak) {
    EXPECT_TRUE(password_matches(password, hash)) << hash;
    EXPECT_EQ(strength_of(hash), HashStrength::weak) << hash;
  }
}

TEST(PasswordMatches, SaysNoToEveryOtherPassword) {
  for (const auto* vectors : {&strong, &weak}) {
    for (const auto& [hash, password] : *vectors) {
      EXPECT_FALSE(password_matches(password + "x", hash)) << hash;
      EXPECT_FALSE(password_matches("Secret", hash)) << hash;
      EXPECT_FALSE(password_matches(password + '\n', hash)) << hash;
      EXPECT_FALSE(password_matches(hash, hash)) << "a hash is no password: " << hash;
    }
  }
}

// libcrypt reads up to a NUL.
TEST(PasswordMatches, SaysNoToAPasswordWithANul) {
  using namespace std::string_literals;
  for (const auto* vectors : {&strong, &weak}) {
    for (const auto& [hash, password] : *vectors) {
      EXPECT_FALSE(password_matches(password + "\0"s, hash)) << hash;
      EXPECT_FALSE(password_matches(password + "\0behind it"s, hash)) << hash;
    }
  }
}

TEST(PasswordMatches, SaysNoToAHashThatWasChanged) {
  for (const auto* vectors : {&strong, &weak}) {
    for (const auto& [hash, password] : *vectors) {
      for (const std::size_t at : {hash.size() - 5, hash.size() - 12, hash.size() - 20}) {
        std::string changed = hash;
        changed[at] = changed[at] == 'x' ? 'y' : 'x';
        EXPECT_FALSE(password_matches(password, changed)) << changed;
      }
      EXPECT_FALSE(password_matches(password, hash.substr(0, hash.size() - 1))) << hash;
      EXPECT_FALSE(password_matches(password, hash + "x")) << hash;
      EXPECT_FALSE(password_matches(password, " " + hash)) << hash;
    }
  }
}

TEST(PasswordMatches, TakesAPasswordOfAnyLengthWithoutTrouble) {
  for (const std::size_t length : {71, 72, 73, 255, 511, 512, 4'096, 100'000}) {
    for (const auto& [hash, password] : strong) { EXPECT_FALSE(password_matches(std::string(length, 'x'), hash)); }
  }
}

TEST(StrengthOf, RefusesWhatIsNoProtectionOrNoHash) {
  for (const std::string hash : {
           "",
           "secret",
           "QnyPJf06SOTdE",                                                 // DES
           "_J9..rasmBYk8r9AiWNc",                                          // BSDi's DES
           "$3$$878d8014606cda29677a44efa1353fc7",                          // NTHASH
           "$md5$saltsalt$$1234567890123456789012",                         // Sun
           "$sha1$1000$saltsalt$1234567890123456789012345678",              //
           "$2x$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",  // a bcrypt that was broken
           "{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3",
           "{SHA}",
           "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ",
           "{sha}5en6G6MezRroT3XKqkdPOmY/BfQ=",
           "{SHA}c2VjcmV0",
           "{PLAIN}secret",
           "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ$1234567890123456789012345678901234567890123",
           "*",
           "!",
           "!$6$saltsalt$whatever",
           "x",
           "$",
           "$2y$",
           "$2y$04$",
           "$6$",
           "$6$saltsalt",
           "$6$saltsalt$",
           "$6$rounds=$saltsalt$LAV5",
           "$y$j9T$",
           "$7$",
           "$7$C$",
           "$1$",
           "$apr1$",
           "$apr1$saltsaltsalt$yAAkm4libquA.ZWLHbSBq/",
       }) {
    EXPECT_EQ(strength_of(hash), HashStrength::refused) << hash;
    EXPECT_FALSE(password_matches("secret", hash)) << hash;
    EXPECT_FALSE(password_matches("", hash)) << hash;
  }
  EXPECT_EQ(strength_of(std::string("$2y$04$\0bcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", 60)),
            HashStrength::refused);
}

// Whoever may write the file must not be able to stop the house by one line of it.
TEST(StrengthOf, RefusesAHashThatTakesMinutesOrGigabytes) {
  const std::string tail(53, 'x');
  const std::string hash86(86, 'x');
  const std::string hash43(43, 'x');
  EXPECT_EQ(strength_of("$2y$16$" + tail), HashStrength::strong);
  EXPECT_EQ(strength_of("$2y$17$" + tail), HashStrength::refused);
  EXPECT_EQ(strength_of("$2y$31$" + tail), HashStrength::refused);
  EXPECT_EQ(strength_of("$2y$03$" + tail), HashStrength::refused);
  EXPECT_EQ(strength_of("$2y$4$" + tail), HashStrength::refused);
  EXPECT_EQ(strength_of("$2y$+4$" + tail), HashStrength::refused);
  EXPECT_EQ(strength_of("$6$rounds=2000000$salt$" + hash86), HashStrength::strong);
  EXPECT_EQ(strength_of("$6$rounds=2000001$salt$" + hash86), HashStrength::refused);
  EXPECT_EQ(strength_of("$6$rounds=99999999999999999999$salt$" + hash86), HashStrength::refused);
  EXPECT_EQ(strength_of("$5$rounds=999999999$salt$" + hash43), HashStrength::refused);
  EXPECT_EQ(strength_of("$y$j9T$salt$" + hash43), HashStrength::strong) << "the default";
  EXPECT_EQ(strength_of("$y$jDT$salt$" + hash43), HashStrength::strong) << "256 MiB";
  EXPECT_EQ(strength_of("$y$jET$salt$" + hash43), HashStrength::refused) << "512 MiB";
  EXPECT_EQ(strength_of("$y$jzz$salt$" + hash43), HashStrength::refused);
  EXPECT_EQ(strength_of("$y$j9Tzzz$salt$" + hash43), HashStrength::refused) << "more parameters than anybody needs";
  EXPECT_EQ(strength_of("$7$CU..../....salt$" + hash43), HashStrength::strong) << "the default";
  EXPECT_EQ(strength_of("$7$EU..../....salt$" + hash43), HashStrength::strong) << "256 MiB";
  EXPECT_EQ(strength_of("$7$FU..../....salt$" + hash43), HashStrength::refused) << "512 MiB";
  EXPECT_EQ(strength_of("$7$CUzzzz/....salt$" + hash43), HashStrength::refused) << "a huge r";
  EXPECT_EQ(strength_of("$7$CU..../zzzzsalt$" + hash43), HashStrength::refused) << "a huge p";
  EXPECT_EQ(strength_of("$7$CU..../....$" + hash43), HashStrength::strong) << "no salt is foolish, but whole";
}

TEST(PasswordHash, IsTakenAndStrongAndNeverTheSame) {
  for (const HashKind kind : {HashKind::yescrypt, HashKind::bcrypt, HashKind::sha512}) {
    const std::string hash = password_hash("a word", kind);
    EXPECT_EQ(strength_of(hash), HashStrength::strong) << hash;
    EXPECT_TRUE(password_matches("a word", hash)) << hash;
    EXPECT_FALSE(password_matches("a world", hash)) << hash;
    EXPECT_NE(password_hash("a word", kind), hash);
    EXPECT_TRUE(kind != HashKind::bcrypt || hash.starts_with("$2b$10$")) << hash;
    EXPECT_TRUE(kind != HashKind::sha512 || hash.starts_with("$6$rounds=100000$")) << hash;
  }
}

TEST(PasswordHash, RefusesAPasswordThatWouldBeCut) {
  EXPECT_THROW(password_hash(std::string("a\0b", 3), HashKind::sha512), std::invalid_argument);
  EXPECT_THROW(password_hash(std::string(73, 'x'), HashKind::bcrypt), std::invalid_argument);
  EXPECT_THROW(password_hash(std::string(512, 'x'), HashKind::sha512), std::runtime_error);
  EXPECT_TRUE(password_matches(std::string(511, 'x'), password_hash(std::string(511, 'x'), HashKind::sha512)));
}

}  // namespace
}  // namespace bascule::proof
