#include "proxy/app/watch.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "test/support/bascule_process.hpp"

namespace bascule::app {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class FileWatchTest : public testing::Test {
 protected:
  // Looks until a look finds what the last one found: the second look after a change is enough.
  int changes_seen(FileWatch& watch) const {
    int seen = 0;
    for (int look = 0; look < 5; ++look) { seen += watch.changed_and_settled(now) ? 1 : 0; }
    return seen;
  }

  test::TemporaryFolder folder;
  TimePoint now{1000h};
};

TEST_F(FileWatchTest, SaysNothingWhileNothingChanges) {
  FileWatch watch({folder.write("rules.yaml", "one"), folder.path("missing.yaml")});
  EXPECT_EQ(changes_seen(watch), 0);
}

TEST_F(FileWatchTest, TellsAChangeOnceAndOnlyWhenTwoLooksAgree) {
  FileWatch watch({folder.write("rules.yaml", "one")});
  folder.write("rules.yaml", "half of the");
  EXPECT_FALSE(watch.changed_and_settled(now)) << "it may still be being written";
  folder.write("rules.yaml", "half of the new rules");
  EXPECT_FALSE(watch.changed_and_settled(now)) << "and it was";
  EXPECT_TRUE(watch.changed_and_settled(now));
  EXPECT_FALSE(watch.changed_and_settled(now));
}

// A table that a program writes anew all the time is never found the same twice.
TEST_F(FileWatchTest, TellsAChangeTwoSecondsAfterItWasSeenThoughItGoesOn) {
  FileWatch watch({folder.write("tokens", "")});
  std::string text;
  const auto look_after_writing = [&] {
    folder.write("tokens", text += "desk: 10.0.0.1:5900\n");
    return watch.changed_and_settled(now);
  };
  now += 24h;
  for (int time = 0; time < 3; ++time) {
    EXPECT_FALSE(look_after_writing()) << "this is when the change is seen";
    now += 1999ms;
    EXPECT_FALSE(look_after_writing());
    now += 1ms;
    EXPECT_TRUE(look_after_writing()) << time;
  }
  EXPECT_EQ(changes_seen(watch), 0) << "what was told last is how it stayed";
}

TEST_F(FileWatchTest, WaitsAnewForAChangeAfterOneThatWasTakenBack) {
  const std::string file = folder.path("rules.yaml");
  FileWatch watch({file});
  folder.write("rules.yaml", "one");
  EXPECT_FALSE(watch.changed_and_settled(now));
  fs::remove(file);
  EXPECT_FALSE(watch.changed_and_settled(now));
  now += 24h;
  folder.write("rules.yaml", "half of");
  EXPECT_FALSE(watch.changed_and_settled(now)) << "it may still be being written";
}

TEST_F(FileWatchTest, KnowsWhatItsLastLookCost) {
  FileWatch watch({folder.write("rules.yaml", "one")});
  EXPECT_GT(watch.last_look_took(), 0s);
  watch.changed_and_settled(now);
  EXPECT_GT(watch.last_look_took(), 0s);
}

TEST_F(FileWatchTest, AChangeThatIsTakenBackIsNone) {
  const std::string file = folder.path("rules.yaml");
  FileWatch watch({file});
  folder.write("rules.yaml", "one");
  EXPECT_FALSE(watch.changed_and_settled(now));
  fs::remove(file);
  EXPECT_EQ(changes_seen(watch), 0);
}

TEST_F(FileWatchTest, SeesAFileOfTheSameSizeAndTimePutInThePlaceOfAnother) {
  const std::string file = folder.write("rules.yaml", "one");
  const std::string other = folder.write("other.yaml", "two");
  fs::last_write_time(other, fs::last_write_time(file));
  FileWatch watch({file});
  fs::rename(other, file);
  EXPECT_EQ(changes_seen(watch), 1);
}

TEST_F(FileWatchTest, SeesFilesComeGoAndChangeInAFolder) {
  const std::string rules = folder.path("rules.d");
  fs::create_directory(rules);
  folder.write("rules.d/a.yaml", "one");
  FileWatch watch({rules});
  folder.write("rules.d/b.yaml", "two");
  EXPECT_EQ(changes_seen(watch), 1);
  folder.write("rules.d/a.yaml", "another one");
  EXPECT_EQ(changes_seen(watch), 1);
  fs::rename(rules + "/a.yaml", folder.path("c.yaml"));
  fs::rename(rules + "/b.yaml", rules + "/a.yaml");
  fs::rename(folder.path("c.yaml"), rules + "/b.yaml");
  EXPECT_EQ(changes_seen(watch), 1) << "they changed places";
  fs::remove(rules + "/a.yaml");
  EXPECT_EQ(changes_seen(watch), 1);
  fs::remove_all(rules);
  EXPECT_EQ(changes_seen(watch), 1);
}

// How configuration is swapped where it is mounted: a link that points to another folder.
TEST_F(FileWatchTest, SeesASymbolicLinkThatIsSwapped) {
  for (const char* name : {"old", "new"}) {
    fs::create_directory(folder.path(name));
    folder.write(std::string(name) + "/rules.yaml", "rules");
  }
  fs::create_directory_symlink("old", folder.path("current"));
  FileWatch watch({folder.path("current/rules.yaml")});
  fs::create_directory_symlink("new", folder.path("next"));
  fs::rename(folder.path("next"), folder.path("current"));
  EXPECT_EQ(changes_seen(watch), 1);
}

TEST_F(FileWatchTest, SeesThatAFileMayBeReadNow) {
  const std::string file = folder.write("rules.yaml", "one");
  fs::permissions(file, fs::perms::none);
  FileWatch watch({file});
  fs::permissions(file, fs::perms::owner_all);
  EXPECT_EQ(changes_seen(watch), 1);
}

}  // namespace
}  // namespace bascule::app
