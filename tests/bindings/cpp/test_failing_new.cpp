// test_failing_new.cpp - no memory for C++, at every allocation in turn: nothing leaks (the sanitizer
// tells), nothing crosses the C library, and the space is as good as before.
#include "support.hpp"

// The runtime of the thread sanitizer has these operators itself, and cannot be linked with others.
#if defined(__SANITIZE_THREAD__)
#define HAS_OWN_NEW 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_OWN_NEW 0
#endif
#endif
#ifndef HAS_OWN_NEW
#define HAS_OWN_NEW PROTOBASE_EXCEPTIONS
#endif

#if HAS_OWN_NEW
#include <new>

// Of this thread: allocations until one fails; below 0: none does.
static thread_local long new_countdown = -1;

void *operator new(std::size_t size)
{
    if (new_countdown == 0 || (new_countdown > 0 && --new_countdown == 0)) {
        throw std::bad_alloc();
    }
    void *room = std::malloc(size == 0 ? 1 : size);
    if (room == nullptr) {
        throw std::bad_alloc();
    }
    return room;
}
void *operator new(std::size_t size,
                   const std::nothrow_t &) noexcept // of libraries: it does not fail
{
    return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void *room) noexcept
{
    std::free(room);
}
void operator delete(void *room, std::size_t) noexcept
{
    std::free(room);
}

static void change_and_read(const pb::space &space, const pb::database &main)
{
    auto id = main.run([](pb::txn &txn) -> pb::result<pb::object_id> {
                      auto people = txn.ensure_dict("people").value();
                      auto tags = txn.new_set().value();
                      tags.add_all({"red", "blue"}).value();
                      people.put("ann", pb::value::map({{"name", "Ann"}, {"tags", tags}})).value();
                      people.put_all({{1, "one"}, {2, pb::value::list({tags})}}).value();
                      txn.store("people", people).value();
                      auto film = pb::blob::create(txn, "f", "text/plain").value();
                      film.append("bytes").value();
                      people.put("film", film.value().value()).value();
                      txn.store("people", people).value();
                      return pb::objects(txn).create("Person", pb::value::map({{"tags", tags}}));
                  })
                  .value();
    auto snapshot = main.snapshot().value();
    auto people = snapshot.dict("people").value();
    for (const pb::entry &one : people.entries(pb::range::of("ann")).value()) {
        CHECK(pb::value(one.held)["name"].get<std::string>() == "Ann");
    }
    CHECK(people.child("ann").value().as<pb::set>().value().count().value() == 2);
    CHECK(pb::objects(snapshot).get_many({id}).value().size() == 1);
    CHECK(pb::blob::open(snapshot.at("people", {"film", "content"})).value().size() == 5);
    pb::builder b;
    auto ask = b.query(b.from("people").where(b.field("name") == "Ann").count()).value();
    for (const pb::view &row : ask.run(snapshot).value()) {
        CHECK(row["count"].get<int>() == 1);
    }
    auto feed = pb::watch::open(main, {"people", snapshot.sequence()}).value();
    for (const pb::change &one : feed.changes()) {
        CHECK(!one.path().value()->is_null());
    }
    CHECK(pb::history::commits(space, snapshot.sequence()).value().size() == 1);
    CHECK(pb::check(space).value().findings.empty());
}

static void no_memory_leaks_nothing_and_breaks_nothing()
{
    auto space = open_memory();
    auto main = space.ensure("main").value();
    bool done = false;
    long failed = 0;
    for (long nth = 1; !done && nth < 100'000; nth++) {
        try {
            new_countdown = nth;
            change_and_read(space, main);
            done = new_countdown > 0;
        } catch (const std::bad_alloc &) {
            failed++;
        }
        new_countdown = -1;
    }
    CHECK(done && failed > 50);
    change_and_read(space, main);
}
#endif

void test_failing_new()
{
#if HAS_OWN_NEW
    no_memory_leaks_nothing_and_breaks_nothing();
#elif PROTOBASE_EXCEPTIONS
    (void)std::puts("allocations are not failed: the thread sanitizer has operator new itself");
#endif
}
