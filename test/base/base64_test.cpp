#include "proxy/base/base64.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace bascule {
namespace {

// RFC 4648, section 10.
TEST(Base64, ReadsAndWritesTheExamplesOfItsRfc) {
  struct Example {
    std::string bytes;
    std::string text;
    std::string url;
  };
  const std::vector<Example> examples{
      {"", "", ""},
      {"f", "Zg==", "Zg"},
      {"fo", "Zm8=", "Zm8"},
      {"foo", "Zm9v", "Zm9v"},
      {"foob", "Zm9vYg==", "Zm9vYg"},
      {"fooba", "Zm9vYmE=", "Zm9vYmE"},
      {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
      {"\xfb\xef\xff", "++//", "--__"},
      {std::string(3, '\0'), "AAAA", "AAAA"},
  };
  for (const Example& example : examples) {
    EXPECT_EQ(base64(example.bytes), example.text);
    EXPECT_EQ(base64_decoded(example.text), example.bytes) << example.text;
    EXPECT_EQ(base64url(example.bytes), example.url);
    EXPECT_EQ(base64url_decoded(example.url), example.bytes) << example.url;
  }
}

// RFC 7515, appendix C.
TEST(Base64, HasTheFormForUrlsThatJoseTakes) {
  EXPECT_EQ(base64url("\x03\xec\xff\xe0\xc1"), "A-z_4ME");
  EXPECT_EQ(base64url_decoded("A-z_4ME"), "\x03\xec\xff\xe0\xc1");
}

struct Wrong {
  std::string what;
  std::vector<std::string> texts;
};

TEST(Base64, RefusesWhateverIsNotTheOneTextForSomeBytes) {
  const std::vector<Wrong> all{
      {"padding that is missing or too much", {"Zg", "Zg=", "Zm8", "Z", "Z===", "Zg===", "Zm8==", "Zm9v===="}},
      {"nothing but padding", {"=", "==", "===", "===="}},
      {"padding inside", {"Zg==Zg==", "Zg=v", "=Zg=", "Zm9v=A=="}},
      {"bits behind the last byte", {"Zh==", "Zn==", "Zm9=", "Zm/="}},
      {"white space", {"Zm9v\n", "Zm9v\r\n", " Zm9v", "Zm 9v", "Zm9v    ", "Zm\t9"}},
      {"another alphabet", {"--__", "Zm9-", "Zm9_", "Zm9.", "Zm9*", "Zm9%"}},
      {"no ASCII", {"Zm9\xc3", "\xff\xff\xff\xff", std::string("Zm9\0", 4)}},
  };
  for (const auto& [what, texts] : all) {
    for (const std::string& text : texts) {
      EXPECT_FALSE(base64_decoded(text)) << what << ": " << testing::PrintToString(text);
    }
  }
}

TEST(Base64, RefusesTheSameInTheFormForUrls) {
  const std::vector<Wrong> all{
      {"padding", {"Zg==", "Zg=", "Zm8=", "=", "Zm9v="}},        {"six bits that are no byte", {"Z", "Zm9vY"}},
      {"bits behind the last byte", {"Zh", "Zn", "Zm9", "Zm_"}}, {"white space", {" Zm9", "Zm9v\n", "Zm 9"}},
      {"another alphabet", {"++//", "Zm9+", "Zm9/", "Zm9."}},    {"no ASCII", {"Zm9\xc3", std::string("Zm9\0", 4)}},
  };
  for (const auto& [what, texts] : all) {
    for (const std::string& text : texts) {
      EXPECT_FALSE(base64url_decoded(text)) << what << ": " << testing::PrintToString(text);
    }
  }
}

TEST(Base64, TakesEveryTwoCharactersForOneByteOrForNone) {
  int read = 0;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      const auto bytes = base64url_decoded(text);
      if (!bytes) { continue; }
      ++read;
      EXPECT_EQ(base64url(*bytes), text);
    }
  }
  EXPECT_EQ(read, 256);
}

TEST(Base64, ReadsWhatItWrites) {
  std::mt19937 random(4648);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) { c = static_cast<char>(random() & 0xff); }
    EXPECT_EQ(base64_decoded(base64(bytes)), bytes);
    EXPECT_EQ(base64url_decoded(base64url(bytes)), bytes);
  }
}

}  // namespace
}  // namespace bascule
