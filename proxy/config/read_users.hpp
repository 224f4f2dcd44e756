// Users and the hashes of their passwords, from their file.
#pragma once

#include <string>

#include "proxy/base/result.hpp"
#include "proxy/proof/users.hpp"

namespace bascule::config {

// The error is a sentence: what could not be read, and why. It never repeats what stands in the file.
Result<proof::UserList, std::string> read_users(const std::string& path);

}  // namespace bascule::config
