#include "proxy/observe/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "proxy/base/owned_fd.hpp"
#include "test/support/pipe.hpp"

namespace bascule::observe {
namespace {

using test::Pipe;

std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return all;
}

Note numbered(int number) {
  return {.level = Level::info, .event = "numbered", .text = std::to_string(number), .fields = {}, .at = {}};
}

TEST(Log, WritesALineForEachNoteInOrderBeforeItIsGone) {
  Pipe pipe;
  {
    Log log(pipe.write.get(), Format::json);
    for (int i = 0; i < 100; ++i) { log.note(numbered(i)); }
  }
  pipe.write.reset();
  const std::string text = read_to_end(pipe.read.get());
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    const std::size_t end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos) << i;
    EXPECT_EQ(nlohmann::json::parse(text.substr(at, end - at)).at("text"), std::to_string(i));
    at = end + 1;
  }
}

TEST(Log, NeverWaitsForAReaderDropsWhatDoesNotFitAndSaysHowMuch) {
  Pipe pipe;
  constexpr std::size_t notes = 3 * Log::queue_lines_max;
  std::size_t lines = 0;
  std::size_t dropped = 0;
  {
    Log log(pipe.write.get(), Format::json);
    // Nobody reads: the pipe takes 64 KiB, the queue its share, and every call returns all the same.
    for (std::size_t i = 0; i < notes; ++i) {
      log.note({.level = Level::info, .event = "long", .text = std::string(200, 'x'), .fields = {}, .at = {}});
    }
    // Now somebody does: every line has come or has been counted, whatever the number of counts.
    std::string text;
    std::array<char, 4096> buffer{};
    while (lines + dropped < notes) {
      const ssize_t got = ::read(pipe.read.get(), buffer.data(), buffer.size());
      ASSERT_GT(got, 0);
      text.append(buffer.data(), static_cast<std::size_t>(got));
      std::size_t at = 0;
      for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        const auto json = nlohmann::json::parse(text.substr(at, end - at));
        const bool count = json.at("event") == "lines_dropped";
        (count ? dropped : lines) += count ? std::stoul(json.at("lines").get<std::string>()) : 1;
      }
      text.erase(0, at);
    }
  }
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(lines + dropped, notes);
}

TEST(Log, SurvivesAReaderThatIsGone) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.read.reset();
  Log log(pipe.write.get(), Format::text);
  log.note(numbered(1));
}

// Calls of write() by this process, those that were refused too.
std::uint64_t writes_so_far() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (io >> name >> value) {
    if (name == "syscw:") { return value; }
  }
  return 0;
}

TEST(Log, SaysHowManyLinesTheDescriptorDidNotTake) {
  Pipe pipe;
  const OwnedFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const OwnedFd descriptor(::fcntl(full.get(), F_DUPFD_CLOEXEC, 0));
  {
    Log log(descriptor.get(), Format::json);
    const std::uint64_t before = writes_so_far();
    for (int i = 0; i < 100; ++i) { log.note(numbered(i)); }
    while (writes_so_far() < before + 2) { std::this_thread::yield(); }  // the lines, and what tells of them
    ASSERT_EQ(::dup3(pipe.write.get(), descriptor.get(), O_CLOEXEC), descriptor.get());
    log.note(numbered(100));
  }
  ::dup3(full.get(), descriptor.get(), O_CLOEXEC);
  pipe.write.reset();
  const std::string text = read_to_end(pipe.read.get());
  const std::size_t end = text.find('\n');
  EXPECT_EQ(nlohmann::json::parse(text.substr(0, end)).at("text"), "100");
  EXPECT_EQ(nlohmann::json::parse(text.substr(end)).at("lines"), "100");
}

TEST(Log, DoesNotGoOnInALineOfWhichAPartWasTaken) {
  Pipe pipe;
  const OwnedFd small(::memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const OwnedFd descriptor(::fcntl(small.get(), F_DUPFD_CLOEXEC, 0));
  ASSERT_EQ(::ftruncate(small.get(), 4096), 0);
  ASSERT_EQ(::fcntl(small.get(), F_ADD_SEALS, F_SEAL_GROW), 0);
  {
    Log log(descriptor.get(), Format::json);
    const std::uint64_t before = writes_so_far();
    for (int i = 0; i < 100; ++i) { log.note(numbered(i)); }
    while (writes_so_far() < before + 3) { std::this_thread::yield(); }  // a part, the rest, and what tells of it
    ASSERT_EQ(::dup3(pipe.write.get(), descriptor.get(), O_CLOEXEC), descriptor.get());
    log.note(numbered(100));
  }
  ::dup3(small.get(), descriptor.get(), O_CLOEXEC);
  pipe.write.reset();
  const std::string text = read_to_end(pipe.read.get());
  EXPECT_EQ(text.front(), '\n');
  EXPECT_EQ(nlohmann::json::parse(text.substr(1, text.find('\n', 1))).at("text"), "100");
}

TEST(Log, GivesATerminalTextAndAPipeJson) {
  const Pipe pipe;
  EXPECT_EQ(Log::format_for(pipe.write.get()), Format::json);
}

}  // namespace
}  // namespace bascule::observe
