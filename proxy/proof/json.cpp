#include "proxy/proof/json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace bascule::proof {
namespace {

// Hears from nlohmann's parser what stands in the text, piece by piece; `false` stops it. The parser does not recurse,
// so what is nested too deeply ends here and not with the stack.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put({.kind = Json::Kind::null}); }
  bool boolean(bool value) override { return put({.kind = Json::Kind::yes_or_no, .text = value ? "true" : "false"}); }
  bool number_integer(number_integer_t value) override { return number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(std::to_string(value)); }
  // Also integers beyond 64 bits. One beyond a double (1e400) is an error before it comes here.
  bool number_float(number_float_t /*rounded*/, const string_t& written) override { return number(written); }
  bool string(string_t& value) override { return put({.kind = Json::Kind::text, .text = std::move(value)}); }
  bool binary(binary_t& /*value*/) override { return false; }  // JSON has none

  bool start_object(std::size_t /*unknown*/) override { return open(Json::Kind::object); }
  bool start_array(std::size_t /*unknown*/) override { return open(Json::Kind::list); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    Open& object = open_.back();
    if (!object.names.insert(name).second) { return false; }
    object.value.names.push_back(std::move(name));
    return true;
  }

  bool parse_error(std::size_t /*where*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*why*/) override {
    return false;
  }

  Json take() { return std::move(whole_); }

 private:
  // A list or an object whose end has not come.
  struct Open {
    Json value;
    std::set<std::string> names{};
  };

  bool open(Json::Kind kind) {
    if (open_.size() == json_depth_max) { return false; }
    open_.push_back({.value = {.kind = kind}});
    return true;
  }

  bool close() {
    Json done = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(done));
  }

  bool number(std::string written) { return put({.kind = Json::Kind::number, .text = std::move(written)}); }

  bool put(Json value) {
    if (open_.empty()) {
      whole_ = std::move(value);
    } else {
      open_.back().value.items.push_back(std::move(value));
    }
    return true;
  }

  Json whole_;
  std::vector<Open> open_;  // the innermost last
};

}  // namespace

const Json* Json::find(std::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? nullptr : &items[static_cast<std::size_t>(found - names.begin())];
}

std::optional<Json> read_json(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) { return std::nullopt; }
  // A NUL is never part of JSON, but to nlohmann's parser it is the end, whatever stands behind it.
  if (text.find('\0') != std::string_view::npos) { return std::nullopt; }
  Builder builder;
  if (!nlohmann::json::sax_parse(text, &builder)) { return std::nullopt; }
  return builder.take();
}

}  // namespace bascule::proof
