// The programs of rules/examples/tickets, which show how a web application makes tickets: we read what they make.
#include <gtest/gtest.h>
#include <stdlib.h>  // mkstemp
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "proxy/proof/ticket.hpp"

namespace bascule::proof {
namespace {

using namespace std::chrono_literals;

// A file with a secret, as long as this lives. As editors leave it: with a line end.
class KeyFile {
 public:
  explicit KeyFile(const std::string& key) {
    const int fd = mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    const std::string line = key + "\n";
    EXPECT_EQ(write(fd, line.data(), line.size()), static_cast<ssize_t>(line.size()));
    close(fd);
  }
  ~KeyFile() { unlink(path_.c_str()); }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/bascule-ticket-key.XXXXXX";
};

struct Language {
  std::string interpreter;
  std::string program;
  std::string way_out;
};
const std::array<Language, 3> languages{{
    {"python3", "mint.py", "apt-get install python3"},
    {"node", "mint.mjs", "apt-get install nodejs"},
    {"php", "mint.php", "apt-get install php-cli"},
}};

// The line that the command prints; empty where it fails.
std::string output_of(const std::string& command) {
  const auto close_pipe = [](FILE* stream) { EXPECT_EQ(pclose(stream), 0); };
  const std::unique_ptr<FILE, decltype(close_pipe)> pipe(popen(command.c_str(), "r"), close_pipe);
  std::string output;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) { output.push_back(static_cast<char>(c)); }
  EXPECT_TRUE(output.ends_with('\n')) << command;
  return output.substr(0, output.find('\n'));
}

std::string minted(const Language& language, const KeyFile& key, const std::string& arguments) {
  return output_of(language.interpreter + " '" BASCULE_TICKET_EXAMPLES "/" + language.program + "' " + key.path() +
                   " " + arguments);
}

class TicketExamples : public testing::TestWithParam<Language> {
 protected:
  void SetUp() override {
    const std::string command = "command -v " + GetParam().interpreter + " >/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0) << GetParam().interpreter << " is not there; " << GetParam().way_out;
  }
};

TEST_P(TicketExamples, MintWhatWeRead) {
  const KeyFile key("a secret of the web application");
  const std::vector<Secret> secrets{{"a secret of the web application", key.path()}};
  const WallTime now = std::chrono::system_clock::now();

  const auto ada = read_ticket(minted(GetParam(), key, "desk ada"), secrets, 60s, now);
  ASSERT_TRUE(ada.ok()) << ada.error().why;
  EXPECT_EQ(ada->route, "desk");
  EXPECT_EQ(ada->user, "ada");
  EXPECT_GE(ada->id.size(), 8U);

  const auto somebody = read_ticket(minted(GetParam(), key, "'a room'"), secrets, 60s, now);
  ASSERT_TRUE(somebody.ok()) << somebody.error().why;
  EXPECT_EQ(somebody->route, "a room");
  EXPECT_EQ(somebody->user, "");
  EXPECT_NE(somebody->id, ada->id);
}

TEST_P(TicketExamples, MintNothingForAnotherSecret) {
  const KeyFile key("a secret of the web application");
  const std::string ticket = minted(GetParam(), key, "desk");
  EXPECT_FALSE(read_ticket(ticket, {{"another secret", ""}}, 60s, std::chrono::system_clock::now()).ok());
}

TEST_P(TicketExamples, WriteNamesOfEveryLanguage) {
  const KeyFile key("schl\xc3\xbcssel");
  const auto ticket = read_ticket(minted(GetParam(), key, "desk '\xc3\xa9mile \"x\" \xe6\xbc\xa2'"),
                                  {{"schl\xc3\xbcssel", ""}}, 60s, std::chrono::system_clock::now());
  ASSERT_TRUE(ticket.ok()) << ticket.error().why;
  EXPECT_EQ(ticket->user, "\xc3\xa9mile \"x\" \xe6\xbc\xa2");
}

INSTANTIATE_TEST_SUITE_P(In, TicketExamples, testing::ValuesIn(languages),
                         [](const auto& each) { return each.param.interpreter; });

}  // namespace
}  // namespace bascule::proof
