// Starts @vercel/cosmosdb-server with a certificate that a client can check, and prints its port.
//
// node cosmos_server.js <the package's folder> <certificate and key, PEM>
//
// Some things are mended that the service does and the package does not: an id is unique within
// the whole of a hierarchical key, not its first level; a point read of an item that is not there
// is answered 404, not 500; a query may name a prefix of a key; connections are kept.

"use strict";

const fs = require("fs");
const path = require("path");

const [home, pem] = process.argv.slice(2);
const load = (name) => require(path.join(home, "lib", name));

const whole = (values) => JSON.stringify(values);
load("utils/get-partition-from-header.js").parsePartitionKey = (header) =>
  whole(JSON.parse(header));
load("account/documents.js").default.prototype._getPartition = function (item) {
  return whole(this._partitionKeyPath.map((keyPath) => item[keyPath.slice(1)]));
};

const reading = load("handler/read-document.js");
const read = reading.default;
reading.default = (account, req, res, params) => {
  const collection = account.database(params.dbId).collection(params.collId);
  const key = whole(JSON.parse(req.headers["x-ms-documentdb-partitionkey"]));
  if (collection.read() && !collection.document(params.docId, key).read()) {
    res.statusCode = 404;
    return { code: "NotFound", message: "Entity with the specified id does not exist." };
  }
  return read(account, req, res, params);
};

const { createHttpsServer } = load("index.js");
const identity = fs.readFileSync(pem);
const server = createHttpsServer({ cert: identity, key: identity, keepAlive: true });
server.prependListener("request", (req) => {
  if (req.headers["x-ms-documentdb-isquery"]) {
    req.headers["x-ms-documentdb-query-enablecrosspartition"] = "true";
  }
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
// It lives no longer than whoever started it.
process.stdin.on("end", () => process.exit(0)).resume();
