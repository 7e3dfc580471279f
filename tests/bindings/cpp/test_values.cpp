// test_values.cpp - values made, read and compared
#include "support.hpp"

#include <cmath>
#include <limits>

static void values_read_as_what_they_are()
{
    CHECK(pb::value(42).get<int>() == 42);
    CHECK(!pb::value(42).get<std::string>());
    CHECK(!pb::value(300).get<std::uint8_t>());
    CHECK(!pb::value(-1).get<unsigned>());
    CHECK(pb::value(std::numeric_limits<std::int64_t>::min()).get<std::int64_t>() ==
          std::numeric_limits<std::int64_t>::min());
    CHECK(pb::value(2).get<double>() == 2.0);
    CHECK(!pb::value((std::int64_t{1} << 53) + 1).get<double>());
    CHECK(pb::value("zwölf").get<std::string_view>() == "zwölf");
    CHECK(pb::value(true).get<bool>() == true);
    CHECK(!pb::value(1).get<bool>());
    CHECK(pb::value(nullptr).is_null());
    CHECK(pb::value(std::nan("")) == pb::value(std::nan("")));
    CHECK(pb::value(1) == pb::value(1.0));
    CHECK(pb::value(1) < pb::value("a"));
}

static void documents_are_made_and_read()
{
    auto doc = pb::value::map({{"name", "Ada"},
                               {"tags", pb::value::list({"math", 1815, nullptr})},
                               {"at", pb::timestamp(std::chrono::nanoseconds(5))},
                               {"raw", pb::bytes{"\0x", 2}},
                               {"vec", pb::value::vector({1.5F, 2.5F})}});
    CHECK(doc.size() == 5);
    CHECK(doc["name"].get<std::string>() == "Ada");
    CHECK(doc["tags"][1].get<int>() == 1815);
    CHECK(doc["tags"][9].is_null());
    CHECK(doc["missing"].is_null() && !doc.has("missing") && doc.has("tags"));
    CHECK(doc["at"].get<pb::timestamp>()->time_since_epoch().count() == 5);
    CHECK(doc["raw"].get<pb::bytes>()->size == 2);
    CHECK(doc["vec"].floats()[1] == 2.5F);
    CHECK(doc.field_name(0) == "name");
    pb::value copy = doc;
    doc = pb::value();
    CHECK(copy["tags"][0].get<std::string_view>() == "math");
}

void test_values()
{
    values_read_as_what_they_are();
    documents_are_made_and_read();
}
