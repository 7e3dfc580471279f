/* read_tracker.c - from what collections report to accesses. */
#include "txn/read_tracker.h"

#include "txn/catalog.h"

static read_tracker *tracker_from(read_observer *self)
{
    return (read_tracker *)self;
}

static access access_of(const read_tracker *tracker, pbase_collection_id id, access_kind kind)
{
    access item = {.kind = kind, .place = {.database = tracker->database, .collection = id}};
    return item;
}

static bool is_fresh(pbase_collection_id id)
{
    return id.sequence == 0 && !catalog_is_system(id); /* made here: nobody else can change it */
}

static pbase_status tracker_key_read(read_observer *self, pbase_collection_id id, pbase_bytes key,
                                     pbase_error *err)
{
    read_tracker *tracker = tracker_from(self);
    if (is_fresh(id)) {
        return PBASE_OK;
    }
    access item = access_of(tracker, id, ACCESS_POINT);
    item.hash = access_hash(tracker->set.host, &item.place, key);
    item.from = key;
    return access_set_add(&tracker->set, &item, err);
}

static pbase_status tracker_range_begin(read_observer *self, pbase_collection_id id,
                                        const observed_range *range, uint64_t *out_range,
                                        pbase_error *err)
{
    read_tracker *tracker = tracker_from(self);
    if (is_fresh(id)) {
        *out_range = UINT64_MAX;
        return PBASE_OK;
    }
    access item = access_of(tracker, id, ACCESS_RANGE);
    bool unbounded = range->start.size == 0;
    item.from = item.to = range->start; /* the far bound follows with the first extension */
    item.from_inclusive = !range->reverse && !range->start_exclusive;
    item.to_inclusive = range->reverse && !range->start_exclusive;
    item.from_open = unbounded && !range->reverse;
    item.to_open = unbounded && range->reverse;
    size_t index = 0;
    pbase_status status = access_set_range_begin(&tracker->set, &item, &index, err);
    if (status == PBASE_OK) {
        *out_range = index == SIZE_MAX ? UINT64_MAX : (uint64_t)index << 1 | range->reverse;
    }
    return status;
}

static pbase_status tracker_range_extend(read_observer *self, uint64_t range, pbase_bytes edge,
                                         bool edge_exclusive, pbase_error *err)
{
    if (range == UINT64_MAX) {
        return PBASE_OK; /* nobody else can change it, or it counts as read whole */
    }
    bool reverse = (range & 1u) != 0;
    return access_set_range_extend(&tracker_from(self)->set, (size_t)(range >> 1), !reverse,
                                   edge.size == 0 ? NULL : &edge, !edge_exclusive, err);
}

static pbase_status tracker_whole_read(read_observer *self, pbase_collection_id id,
                                       pbase_error *err)
{
    read_tracker *tracker = tracker_from(self);
    access item = access_of(tracker, id, ACCESS_WHOLE);
    return is_fresh(id) ? PBASE_OK : access_set_add(&tracker->set, &item, err);
}

static const read_observer_vtable read_tracker_vtable = {
    .key_read = tracker_key_read,
    .range_begin = tracker_range_begin,
    .range_extend = tracker_range_extend,
    .whole_read = tracker_whole_read,
};

void read_tracker_init(read_tracker *tracker, const pbase_host *host, uint64_t database)
{
    tracker->base.vtable = &read_tracker_vtable;
    tracker->database = database;
    access_set_init(&tracker->set, host);
}

void read_tracker_fini(read_tracker *tracker)
{
    access_set_fini(&tracker->set);
}
