#include "proxy/app/answers.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "proxy/app/explain.hpp"
#include "proxy/base/text.hpp"
#include "proxy/config/yaml.hpp"
#include "proxy/observe/line.hpp"
#include "proxy/policy/judge.hpp"

namespace bascule::app {

namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json json_of(const policy::Place& place) {
  return {{"file", place.file}, {"line", place.line}, {"column", place.column}};
}

Json json_of(const config::Mistakes& mistakes) {
  Json list = Json::array();
  for (const config::Mistake& mistake : mistakes) {
    Json one = json_of(mistake.place);
    one["text"] = mistake.text;
    list.push_back(std::move(one));
  }
  return list;
}

Json json_of(const policy::Trace& trace) {
  Json list = Json::array();
  for (const policy::Finding& finding : trace) {
    Json one{{"step", policy::word_of(finding.step)}, {"passed", finding.passed}, {"text", finding.text}};
    if (!finding.place.file.empty()) { one["place"] = json_of(finding.place); }
    list.push_back(std::move(one));
  }
  return list;
}

Json explanation_as_json(const Explanation& explanation) {
  const Question& question = explanation.question;
  const auto& judgement = explanation.judgement;
  Json json{{"admitted", !explanation.refused()},
            {"verdict", verdict_of(explanation)},
            {"url", question.url},
            {"listener", {{"name", question.listener}, {"why", question.listener_why}}},
            {"client", judgement.client.is_ip() ? judgement.client.host_text() : "unix"}};
  if (!question.through.empty()) { json["through"] = question.through; }
  if (const std::string* origin = question.head.find("origin")) { json["origin"] = *origin; }
  json["steps"] = json_of(explanation.trace);
  if (const auto* no = std::get_if<policy::Denied>(&judgement.verdict)) {
    const policy::Refusal refusal = no->refused.refusal;
    if (no->route) { json["route"] = no->route->name; }
    json["step"] = policy::word_of(policy::step_of(refusal));
    json["status"] = policy::entry_of(refusal).status;
    json["refusal"] = policy::entry_of(refusal).word;
    json["detail"] = no->refused.detail;
    json["by_close"] = no->by_close.has_value();
  } else if (const auto* admitted = std::get_if<policy::Admitted>(&judgement.verdict)) {
    json["route"] = admitted->route->name;
    json["to"] = destination_of(*admitted);
    json["subprotocol"] = admitted->protocol;
  } else if (const auto* redirect = std::get_if<policy::Redirect>(&judgement.verdict)) {
    json["route"] = redirect->route->name;
    json["location"] = redirect->location;
  } else {
    json["route"] = std::get<policy::Page>(judgement.verdict).route->name;
  }
  return json;
}

// A YAML tree as JSON. What nothing was written for stays nothing.
Json json_of(const config::YamlNode& node) {
  switch (node.kind) {
    case config::YamlNode::Kind::nothing: return nullptr;
    case config::YamlNode::Kind::text: return node.text;
    case config::YamlNode::Kind::list: {
      Json list = Json::array();
      for (const config::YamlNode* item : node.items) { list.push_back(json_of(*item)); }
      return list;
    }
    case config::YamlNode::Kind::map: break;
  }
  Json map = Json::object();
  for (const auto& [key, value] : node.entries) { map[key->text] = json_of(*value); }
  return map;
}

// What came from another process: anything at all.
Json parsed(std::string_view text) {
  return Json::parse(text, nullptr, false);
}

std::string text_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> texts_in(const Json& json, const char* key) {
  std::vector<std::string> texts;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_array()) { return texts; }
  for (const Json& item : *found) {
    if (item.is_string()) { texts.push_back(item.get<std::string>()); }
  }
  return texts;
}

// "rules.yaml:3:5: text", as mistakes are printed.
std::vector<std::string> mistakes_in(const Json& json, const char* key) {
  std::vector<std::string> texts;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_array()) { return texts; }
  const auto number_in = [](const Json& item, const char* name) {
    const auto number = item.find(name);
    return number != item.end() && number->is_number_integer() ? number->get<int>() : 0;
  };
  for (const Json& item : *found) {
    if (!item.is_object()) { continue; }
    const policy::Place place{
        .file = text_in(item, "file"), .line = number_in(item, "line"), .column = number_in(item, "column")};
    texts.push_back(line_of({.place = place, .text = text_in(item, "text")}));
  }
  return texts;
}

}  // namespace

std::string line_of(const config::Mistake& mistake) {
  return mistake.place.file.empty() ? mistake.text : mistake.place.text() + ": " + mistake.text;
}

// --- with --json -----------------------------------------------------------------------------------------------------

std::string json_of_check(const config::Mistakes& mistakes, const config::Mistakes& warnings, std::size_t listeners,
                          std::size_t routes) {
  return dumped({{"well", mistakes.empty()},
                 {"mistakes", json_of(mistakes)},
                 {"warnings", json_of(warnings)},
                 {"listeners", listeners},
                 {"routes", routes}});
}

std::string json_of_explanation(const Explanation& explanation) {
  return dumped(explanation_as_json(explanation));
}

std::string json_of_test(const std::vector<CaseOutcome>& outcomes) {
  const auto passed =
      std::count_if(outcomes.begin(), outcomes.end(), [](const CaseOutcome& one) { return one.passed; });
  Json cases = Json::array();
  for (const CaseOutcome& outcome : outcomes) {
    Json one{{"place", json_of(outcome.asked->place)},
             {"url", outcome.asked->visit.url},
             {"passed", outcome.passed},
             {"expected", outcome.asked->expect.written},
             {"came", outcome.came}};
    if (!outcome.passed && outcome.explanation) { one["explanation"] = explanation_as_json(*outcome.explanation); }
    cases.push_back(std::move(one));
  }
  return dumped({{"passed", passed}, {"failed", std::ssize(outcomes) - passed}, {"cases", std::move(cases)}});
}

std::string json_of_rules(const std::string& yaml) {
  const auto document = config::parse_yaml(yaml);
  return document && document->root != nullptr ? dumped(json_of(*document->root), 2) : "null";
}

std::string json_of_hash(const std::string& hash, const std::optional<std::string>& user) {
  Json answer{{"hash", hash}};
  if (user) { answer["user"] = *user; }
  return dumped(answer);
}

std::string json_of_ticket(const std::string& ticket, WallTime expires) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(expires.time_since_epoch());
  return dumped({{"ticket", ticket}, {"expires", seconds.count()}});
}

// --- what a process is asked -----------------------------------------------------------------------------------------

std::string json_of(const ControlRequest& request) {
  if (request.verb == ControlRequest::Verb::reload) { return dumped({{"verb", "reload"}}); }
  return dumped({{"verb", "refusal"}, {"reference", request.reference}});
}

std::optional<ControlRequest> parse_request(std::string_view text) {
  const Json json = parsed(text);
  if (!json.is_object()) { return std::nullopt; }
  const std::string verb = text_in(json, "verb");
  if (verb == "reload") { return ControlRequest{.verb = ControlRequest::Verb::reload}; }
  if (verb != "refusal") { return std::nullopt; }
  return ControlRequest{.verb = ControlRequest::Verb::refusal, .reference = text_in(json, "reference")};
}

// --- what it answers -------------------------------------------------------------------------------------------------

std::string json_of_reload(const Changes& changes, const config::Mistakes& warnings) {
  Json list = Json::array();
  for (const Change& change : changes.all) {
    Json one{{"what", word_of(change.of)}, {"change", word_of(change.kind)}};
    if (!change.name.empty()) { one["name"] = change.name; }
    if (!change.keys.empty()) { one["keys"] = change.keys; }
    if (!change.place.file.empty()) { one["place"] = json_of(change.place); }
    if (change.needs_restart) { one["needs_restart"] = true; }
    one["text"] = change.text();
    list.push_back(std::move(one));
  }
  return dumped(
      {{"well", true}, {"changes", std::move(list)}, {"lines", changes.lines()}, {"warnings", json_of(warnings)}});
}

std::string json_of_mistakes(const config::Mistakes& mistakes) {
  return dumped({{"well", false}, {"mistakes", json_of(mistakes)}});
}

std::string json_of_no(std::string_view why) {
  return dumped({{"well", false}, {"why", why}});
}

std::string json_of_refusal(const observe::SessionRecord& record) {
  Json json = parsed(observe::line_of(record, observe::Format::json));
  return dumped({{"well", true}, {"refusal", std::move(json)}});
}

// --- and what is read from that --------------------------------------------------------------------------------------

std::optional<ReloadAnswer> parse_reload_answer(std::string_view text) {
  const Json json = parsed(text);
  if (!json.is_object() || !json.contains("well") || !json["well"].is_boolean()) { return std::nullopt; }
  ReloadAnswer answer{.well = json["well"].get<bool>()};
  answer.warnings = mistakes_in(json, "warnings");
  if (answer.well) {
    answer.lines = texts_in(json, "lines");
  } else {
    answer.lines = mistakes_in(json, "mistakes");
    if (std::string why = text_in(json, "why"); !why.empty()) { answer.lines.push_back(std::move(why)); }
  }
  return answer;
}

std::optional<RefusalAnswer> parse_refusal_answer(std::string_view text) {
  const Json json = parsed(text);
  if (!json.is_object()) { return std::nullopt; }
  if (const std::string why = text_in(json, "why"); !why.empty()) { return RefusalAnswer{.why_not = why}; }
  const auto found = json.find("refusal");
  if (found == json.end() || !found->is_object()) { return std::nullopt; }
  const auto status = found->find("status");
  return RefusalAnswer{.why_not = {},
                       .reference = text_in(*found, "reference"),
                       .time = text_in(*found, "time"),
                       .client = text_in(*found, "client"),
                       .listener = text_in(*found, "listener"),
                       .route = text_in(*found, "route"),
                       .user = text_in(*found, "user"),
                       .host = text_in(*found, "host"),
                       .path = text_in(*found, "path"),
                       .origin = text_in(*found, "origin"),
                       .status = status != found->end() && status->is_number_integer() ? status->get<int>() : 0,
                       .word = text_in(*found, "refusal"),
                       .step = text_in(*found, "step"),
                       .place = text_in(*found, "place"),
                       .detail = text_in(*found, "detail")};
}

}  // namespace bascule::app
