// test_blobs.cpp - blobs written and read as streams
#include "support.hpp"

#include <sstream>

static std::string pattern(std::size_t size)
{
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; i++) {
        out[i] = static_cast<char>(i * 31 + i / 251);
    }
    return out;
}

static void bytes_are_streamed_in_and_out()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    const auto content = pattern(300'007);
    CHECK(main.run([&](pb::txn &txn) -> pb::result<void> {
                  auto films = txn.new_dict().value();
                  auto film = pb::blob::create(txn, "film.bin", "video/x").value();
                  std::istringstream in(content.substr(5));
                  CHECK(film.append(std::string_view(content).substr(0, 5)).ok());
                  CHECK(film.append_from(in).value() == content.size() - 5);
                  CHECK(film.size() == content.size() && film.name() == "film.bin");
                  CHECK(films.put("first", film.value().value()).ok());
                  CHECK(film.append("more").ok()); // of the blob, not of what was put
                  CHECK(films.put("second", film.value().value()).ok());
                  return txn.store("films", films);
              })
              .ok());
    auto snapshot = main.snapshot().value();
    auto films = snapshot.dict("films").value();
    auto document = films.get("first").value().value();
    auto film = pb::blob::open(snapshot.at("films", {"first", "content"}), document).value();
    CHECK(film.size() == content.size() && film.media_type() == "video/x");
    std::ostringstream out;
    CHECK(film.write_to(out).ok() && out.str() == content);
    std::string joined;
    auto chunks = film.chunks(1000, 7);
    for (const pb::bytes &part : chunks) {
        joined.append(static_cast<const char *>(part.data), part.size);
    }
    CHECK(joined == content.substr(7) && chunks.status().ok());
    char some[4];
    CHECK(film.read(content.size() - 2, some, sizeof some).value() == 2 &&
          some[1] == content.back());
    CHECK(film.read(content.size(), some, sizeof some).value() == 0);
    CHECK(film.append("x").failure().code() == PBASE_READ_ONLY);
    auto second = pb::blob::open(films.child("second")).value();
    CHECK(second.size() == content.size() + 4 && second.name().empty());
    CHECK(pb::blob::open(snapshot.at("films")).failure().code() == PBASE_INVALID);
    CHECK(pb::blob::open(snapshot.at("nothing")).failure().is_not_found());
}

static void streams_that_fail_are_told()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto txn = main.begin().value();
    auto film = pb::blob::create(txn, "f", "").value();
    std::istringstream broken("text");
    broken.setstate(std::ios::failbit);
    CHECK(film.append_from(broken).failure().code() == PBASE_IO);
    CHECK(film.append("bytes").ok());
    std::ostringstream full;
    full.setstate(std::ios::badbit);
    CHECK(film.write_to(full).failure().code() == PBASE_IO);
}

static void a_blob_ends_with_its_transaction()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    auto txn = main.begin().value();
    auto film = pb::blob::create(txn, "f", "").value();
    CHECK(film.append("bytes").ok());
    auto value = film.value().value();
    auto chunks = film.chunks();
    txn.abort();
    CHECK(film.append("more").failure().code() == PBASE_INVALID && film.size() == 0);
    CHECK(film.value().failure().code() == PBASE_INVALID);
    CHECK(value.usable().failure().code() == PBASE_INVALID);
    CHECK(pb::blob::create(txn, "g", "").failure().code() == PBASE_INVALID);
#if !PROTOBASE_EXCEPTIONS
    for (const pb::bytes &part : chunks) {
        CHECK(part.size == 0);
    }
    CHECK(chunks.status().failure().code() == PBASE_INVALID);
#endif
}

void test_blobs()
{
    bytes_are_streamed_in_and_out();
    streams_that_fail_are_told();
    a_blob_ends_with_its_transaction();
}
