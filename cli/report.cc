// `entrepot report unused`: repositories and images that nobody pushed or pulled for a while, those that hold
// most bytes first.

#include <algorithm>
#include <charconv>
#include <ostream>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/store_holder.h"

namespace entrepot::cli {
namespace {

using boost::json::object;

constexpr std::int64_t kDays = 30;

Result<std::int64_t> DaysOf(const Invocation& invocation) {
  const std::string text = invocation.value("days");
  std::int64_t days = kDays;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), days);
  const bool whole = text.empty() || (fault == std::errc() && end == text.data() + text.size());
  if (!whole || days < 0 || days > 36'500)
    return Fail(ErrorCode::kConfiguration,
                fmt::format("--days takes a number from 0 to 36500, not {}", text));
  return days;
}

// The unused images of a repository that is itself in use.
Result<> AddImages(const StoreHolder& store, std::int64_t days, const object& repository,
                   std::vector<object>& unused) {
  object arguments{
      {"days", days}, {"registry", repository.at("registry")}, {"repository", repository.at("id")}};
  for (bool more = true; more;) {
    const object page = TRY(store.Ask("report images", arguments));
    for (const boost::json::value& image : page.at("images").as_array()) {
      object entry{{"kind", "image"}};
      for (const char* name : {"account", "region", "repository"}) entry[name] = repository.at(name);
      for (const auto& [name, value] : image.as_object()) entry[name] = value;
      unused.push_back(std::move(entry));
    }
    more = page.at("more").as_bool();
    if (more) arguments["pushed"] = page.at("pushed");
    if (more) arguments["digest"] = page.at("digest");
  }
  return {};
}

void AddRepository(const object& repository, std::vector<object>& unused) {
  object entry{{"kind", "repository"}};
  for (const char* name :
       {"account", "region", "repository", "images", "last_push", "last_pull", "freed_bytes"})
    entry[name] = repository.at(name);
  unused.push_back(std::move(entry));
}

Result<std::vector<object>> FindUnused(const StoreHolder& store, std::int64_t days) {
  std::vector<object> unused;
  object arguments{{"days", days}};
  for (bool more = true; more;) {
    const object page = TRY(store.Ask("report repositories", arguments));
    for (const boost::json::value& value : page.at("repositories").as_array()) {
      const object& repository = value.as_object();
      if (repository.at("unused").as_bool())
        AddRepository(repository, unused);
      else
        TRY(AddImages(store, days, repository, unused));
    }
    more = page.at("more").as_bool();
    if (more) arguments = {{"days", days}, {"registry", page.at("registry")}, {"after", page.at("after")}};
  }
  std::ranges::sort(unused, {}, [](const object& entry) {
    return std::pair(-Number(entry, "freed_bytes"), Text(entry, "repository"));
  });
  return unused;
}

std::string TimeText(const object& entry, std::string_view name) {
  return entry.at(name).is_null() ? "never" : std::string(Text(entry, name));
}

std::string NameText(const object& entry) {
  if (Text(entry, "kind") == "repository") return fmt::format("({} images)", Number(entry, "images"));
  std::string text(Text(entry, "digest"));
  for (const boost::json::value& tag : entry.at("tags").as_array())
    text.append(" ").append(std::string_view(tag.as_string()));
  return text;
}

std::string EntryText(const object& entry) {
  return fmt::format("{} {} {} {}: last pushed {}, last pulled {}, {} bytes\n", Text(entry, "account"),
                     Text(entry, "region"), Text(entry, "repository"), NameText(entry),
                     TimeText(entry, "last_push"), TimeText(entry, "last_pull"),
                     Number(entry, "freed_bytes"));
}

}  // namespace

Result<int> ReportUnused(const Invocation& invocation, const Surroundings& surroundings) {
  const std::int64_t days = TRY(DaysOf(invocation));
  const StoreHolder store = TRY(StoreHolder::Find(invocation, surroundings));
  const std::vector<object> unused = TRY(FindUnused(store, days));
  if (unused.empty() && !invocation.json)
    surroundings.out << fmt::format("Nothing: all there is was pushed or pulled within {} days.\n", days);
  for (const object& entry : unused)
    surroundings.out << (invocation.json ? boost::json::serialize(entry) + "\n" : EntryText(entry));
  return kSucceeded;
}

}  // namespace entrepot::cli
