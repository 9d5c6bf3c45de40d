// A server and a client of the cell's own, on loopback.
const http = require('http');

const server = http.createServer((request, response) => response.end('done'));
server.listen(0, '127.0.0.1', () => {
  http.get({ host: '127.0.0.1', port: server.address().port, agent: false }, (response) => {
    response.on('data', (data) => console.log(String(data))).on('end', () => server.close());
  });
});
