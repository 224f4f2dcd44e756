// Users and the hashes of their passwords, in the form of htpasswd files: "ada:$2y$..." a line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/source.hpp"

namespace bascule::proof {

class UserList {
 public:
  struct Complaint {
    int line = 0;
    std::string text;  // never repeats a hash
  };

  // `#` begins a comment line; blank lines, CRLF and a byte order mark do not count; what stands behind a second colon
  // is ignored (as in /etc/shadow). A user who stands there twice: the first holds, as in Apache, with a complaint. A
  // hash that nobody knows, or one that is no protection at all (crypt's DES, plain text), is a complaint, and its user
  // cannot come in. Hashes that are weak by today's measure (apr1, {SHA}, MD5-crypt) are taken, and are in weak().
  static UserList parse(std::string_view text);

  // Empty: nobody is called so, or cannot come in.
  std::string_view hash_of(std::string_view user) const;

  // For a user who is not there: the hash of somebody who is, so that looking for nobody costs as much as a wrong
  // password. Which one depends on name and key, so that it is always the same for one name. One at the default cost
  // where the list is empty.
  std::string_view stand_in_for(std::string_view user, std::string_view key) const;

  std::size_t size() const { return users_.size(); }
  const std::vector<Complaint>& complaints() const { return complaints_; }  // in their order, at most 100
  const std::vector<std::string>& weak() const { return weak_; }            // users whose hash is

  static constexpr std::size_t bytes_max = std::size_t{16} * 1024 * 1024;
  static constexpr std::size_t complaints_max = 100;

 private:
  struct User {
    std::string name;
    std::string hash;
    int line = 0;
  };
  void read_line(std::string_view line, int number);
  void keep_the_first_of_each_name();
  void drop_the_refused();

  std::vector<User> users_;  // by name
  std::vector<Complaint> complaints_;
  std::vector<std::string> weak_;
};

using UserSource = Source<UserList>;

}  // namespace bascule::proof
