#include "proxy/proof/users.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "proxy/proof/password.hpp"

namespace bascule::proof {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string adas = "$2y$04$zmau7i/vzvOq0Z4LUosHu.oeo0sxFSOt8EENUcor3Of4iyWs79Sga";
const std::string bobs = "$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2";
const std::string weak_hash = "$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/";

std::vector<std::string> complaints_about(const std::string& text) {
  std::vector<std::string> complaints;
  const UserList list = UserList::parse(text);
  for (const auto& [line, complaint] : list.complaints()) {
    complaints.push_back(std::to_string(line) + ": " + complaint);
  }
  return complaints;
}

TEST(UserList, KnowsTheHashOfEachUser) {
  const UserList list = UserList::parse("bob:" + bobs + "\nada:" + adas + "\n");
  EXPECT_EQ(list.size(), 2U);
  EXPECT_EQ(list.hash_of("ada"), adas);
  EXPECT_EQ(list.hash_of("bob"), bobs);
  EXPECT_THAT(list.complaints(), IsEmpty());
  EXPECT_THAT(list.weak(), IsEmpty());
  for (const std::string_view nobody : {"", "Ada", "ad", "adaa", "ada:", " ada", "ada ", "carol", "~"}) {
    EXPECT_EQ(list.hash_of(nobody), "") << nobody;
  }
}

TEST(UserList, ReadsWhatEditorsAndOtherSystemsWrite) {
  for (const std::string& text : {
           "ada:" + adas,                                          // no line end
           "ada:" + adas + "\r\n",                                 // CRLF
           "\xef\xbb\xbf" + ("ada:" + adas) + "\r\n",              // a byte order mark
           "# staff\n\n  \t\n\r\nada:" + adas + "\n#bob:" + bobs,  // comments and blank lines
           "ada:" + adas + ":19000:0:99999:7:::\n",                // /etc/shadow
           "ada:" + adas + " \t\n",                                // blanks at the end
           "ada: " + adas + "\n\n\n",                              //
       }) {
    const UserList list = UserList::parse(text);
    EXPECT_EQ(list.hash_of("ada"), adas) << testing::PrintToString(text);
    EXPECT_EQ(list.size(), 1U) << testing::PrintToString(text);
    EXPECT_THAT(list.complaints(), IsEmpty()) << testing::PrintToString(text);
  }
}

TEST(UserList, KeepsNamesAsTheyAre) {
  const UserList list = UserList::parse("ada lovelace:" + adas + "\n\xc3\xa9mile:" + bobs + "\n a :" + bobs);
  EXPECT_EQ(list.hash_of("ada lovelace"), adas);
  EXPECT_EQ(list.hash_of("\xc3\xa9mile"), bobs);
  EXPECT_EQ(list.hash_of(" a "), bobs);
}

TEST(UserList, LetsTheFirstOfTwoHoldAndSaysSo) {
  const std::string text = "ada:" + adas + "\nbob:" + bobs + "\nada:" + bobs + "\nada:nonsense\n";
  EXPECT_EQ(UserList::parse(text).hash_of("ada"), adas);
  EXPECT_THAT(complaints_about(text), ElementsAre("3: 'ada' stands in line 1 already; that one holds",
                                                  "4: 'ada' stands in line 1 already; that one holds"));
  // Also where the first cannot come in: a line further down must not undo that.
  const std::string locked = "ada:!\nada:" + adas + "\n";
  EXPECT_EQ(UserList::parse(locked).hash_of("ada"), "");
  EXPECT_THAT(complaints_about(locked),
              ElementsAre(HasSubstr("1: 'ada' cannot come in"), HasSubstr("2: 'ada' stands")));
}

TEST(UserList, ComplainsAboutWhatItCannotTake) {
  EXPECT_THAT(complaints_about("ada\n"), ElementsAre("1: no colon: a line reads user:hash"));
  EXPECT_THAT(complaints_about("\n:" + adas), ElementsAre(HasSubstr("2: no name")));
  EXPECT_THAT(complaints_about("a\x1b[0m:" + adas), ElementsAre(HasSubstr("1: no name")));
  EXPECT_THAT(complaints_about("\xe9mile:" + adas), ElementsAre(HasSubstr("no UTF-8")));
  EXPECT_THAT(complaints_about(std::string(256, 'a') + ":" + adas), ElementsAre(HasSubstr("too long")));
  for (const std::string& hash :
       {std::string(), std::string("secret"), std::string("QnyPJf06SOTdE"), "$2y$31$" + std::string(53, 'x')}) {
    const auto complaints = complaints_about("ada:" + hash);
    ASSERT_EQ(complaints.size(), 1U) << hash;
    EXPECT_THAT(complaints.front(), HasSubstr("'ada' cannot come in"));
    if (!hash.empty()) { EXPECT_EQ(complaints.front().find(hash), std::string::npos) << "hashes are not repeated"; }
    EXPECT_EQ(UserList::parse("ada:" + hash).hash_of("ada"), "");
  }
}

TEST(UserList, TakesWeakHashesAndNamesTheirUsers) {
  const UserList list =
      UserList::parse("ada:" + adas + "\nold:" + weak_hash + "\nolder:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=");
  EXPECT_EQ(list.hash_of("old"), weak_hash);
  EXPECT_THAT(list.weak(), ElementsAre("old", "older"));
  EXPECT_THAT(list.complaints(), IsEmpty());
}

TEST(UserList, ComplainsAHundredTimesAtMost) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) { text += "no colon\n"; }
  const UserList list = UserList::parse(text);
  ASSERT_EQ(list.complaints().size(), UserList::complaints_max);
  EXPECT_EQ(list.complaints().front().line, 1);
  EXPECT_EQ(list.complaints().back().line, 100);
}

TEST(UserList, TakesAMillionLines) {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) { text += std::to_string(i) + ":x\n"; }
  text += "ada:" + adas;
  ASSERT_LE(text.size(), UserList::bytes_max);
  const UserList list = UserList::parse(text);
  EXPECT_EQ(list.size(), 1U);
  EXPECT_EQ(list.hash_of("ada"), adas);
}

TEST(UserList, GivesNobodyTheSameStandInEachTime) {
  const UserList list = UserList::parse("ada:" + adas + "\nbob:" + bobs + "\nlocked:!\n");
  std::map<std::string_view, int> chosen;
  for (int i = 0; i < 200; ++i) {
    const std::string nobody = "nobody" + std::to_string(i);
    const std::string_view hash = list.stand_in_for(nobody, "key");
    EXPECT_EQ(list.stand_in_for(nobody, "key"), hash);
    ++chosen[hash];
  }
  EXPECT_EQ(chosen.size(), 2U) << "of somebody who is there and can come in";
  EXPECT_GT(chosen[adas], 50);
  EXPECT_GT(chosen[bobs], 50);

  int changed = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string nobody = "nobody" + std::to_string(i);
    changed += list.stand_in_for(nobody, "key") != list.stand_in_for(nobody, "another key") ? 1 : 0;
  }
  EXPECT_GT(changed, 50) << "who does not know the key cannot tell which";
}

TEST(UserList, HasAStandInWithoutAnyUser) {
  const UserList list = UserList::parse("");
  EXPECT_EQ(strength_of(list.stand_in_for("ada", "key")), HashStrength::strong);
  EXPECT_EQ(list.hash_of("ada"), "");
  EXPECT_EQ(list.size(), 0U);
}

}  // namespace
}  // namespace bascule::proof
