#include "proxy/base/owned_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace bascule {
namespace {

// The reading end sees the end of the pipe exactly when the last writing end has been closed, whatever number was
// reused.
class OwnedFdTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
    reader_ = OwnedFd(ends[0]);
    writer_ = OwnedFd(ends[1]);
  }

  bool writer_is_closed() const {
    char byte = 0;
    return ::read(reader_.get(), &byte, 1) == 0;
  }

  OwnedFd reader_;
  OwnedFd writer_;
};

TEST_F(OwnedFdTest, ClosesWhenItDies) {
  {
    const OwnedFd owner(writer_.release());
    EXPECT_TRUE(static_cast<bool>(owner));
    EXPECT_FALSE(writer_is_closed());
  }
  EXPECT_TRUE(writer_is_closed());
}

TEST_F(OwnedFdTest, ClosesOnceAfterAMove) {
  OwnedFd second(std::move(writer_));
  EXPECT_FALSE(writer_is_closed());
  OwnedFd third;
  third = std::move(second);
  EXPECT_FALSE(writer_is_closed());
  third.reset();
  EXPECT_TRUE(writer_is_closed());
  EXPECT_EQ(third.get(), -1);
}

TEST_F(OwnedFdTest, ClosesWhatItHeldBeforeAnAssignment) {
  writer_ = OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(writer_is_closed());
  EXPECT_TRUE(static_cast<bool>(writer_));
}

TEST_F(OwnedFdTest, LetsGoOfWhatItReleases) {
  const int fd = writer_.release();
  writer_.reset();
  EXPECT_FALSE(writer_is_closed());
  EXPECT_FALSE(static_cast<bool>(writer_));
  ::close(fd);
}

}  // namespace
}  // namespace bascule
