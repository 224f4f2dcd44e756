#include "proxy/base/pipe.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <string>
#include <system_error>

namespace bascule {
namespace {

void put(Pipe& pipe, std::string_view text) {
  ASSERT_EQ(::write(pipe.entry(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  pipe.entered(text.size());
}

std::string take(Pipe& pipe, std::size_t most) {
  std::string text(most, '\0');
  text.resize(pipe.read(MutableBytes(reinterpret_cast<std::uint8_t*>(text.data()), text.size())));
  return text;
}

TEST(Pipe, GivesBackWhatWasPutIn) {
  Pipe pipe(std::size_t{64} * 1024);
  ASSERT_TRUE(pipe.usable());
  put(pipe, "one two");
  EXPECT_EQ(pipe.holds(), 7U);
  EXPECT_EQ(take(pipe, 4), "one ");
  EXPECT_EQ(take(pipe, 100), "two");
  EXPECT_EQ(pipe.holds(), 0U);
}

TEST(Pipe, IsEmptyAfterEachUse) {
  Pipe pipe(std::size_t{64} * 1024);
  {
    const EmptiedPipe use(pipe);
    put(pipe, "somebody's");
  }
  EXPECT_EQ(pipe.holds(), 0U);
  put(pipe, "else");
  EXPECT_EQ(take(pipe, 100), "else");
}

TEST(Pipe, ThatIsSmallerThanItShouldBeIsNotUsed) {
  const Pipe pipe(std::size_t{3} * 1024 * 1024 * 1024);  // more than even root may have
  EXPECT_FALSE(pipe.usable());
}

TEST(Pipe, WithoutDescriptorsIsNotUsed) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const Pipe pipe(std::size_t{64} * 1024);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(pipe.usable());
}

// Bytes that have gone astray must not be taken for there.
TEST(Pipe, ThatHoldsLessThanIsSaidTellsSo) {
  Pipe pipe(std::size_t{64} * 1024);
  pipe.entered(5);
  EXPECT_THROW(take(pipe, 5), std::system_error);
}

}  // namespace
}  // namespace bascule
