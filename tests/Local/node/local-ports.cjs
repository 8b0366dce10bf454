// Preloaded with `node --require`: sends TLS connections for real host names to the local cloud's ports, and leaves everything
// else about them alone. SNI, Host and certificate checks keep the real name, so Microsoft's SDKs run unmodified.
// LOCAL_PORTS: {"host:port": localPort}
'use strict';
const tls = require('node:tls');
const net = require('node:net');
const ports = JSON.parse(process.env.LOCAL_PORTS || '{}');
const connect = tls.connect;

tls.connect = function (...args) {
  const options = args[0];
  if (options && typeof options === 'object') {
    const host = options.servername || options.host || options.hostname;
    const local = ports[`${host}:${options.port}`];
    if (local) {
      args[0] = { ...options, host: '127.0.0.1', port: local, servername: net.isIP(host) ? undefined : host, path: undefined, socket: undefined };
    }
  }
  return connect.apply(this, args);
};
