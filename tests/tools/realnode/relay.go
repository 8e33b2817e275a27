package main

import (
	"io"
	"net"
)

// relay carries the connections of a listener to the address. A listener stays
// in the network namespace that it was opened in, and a connection is made from
// this process's: so it leads from outside into the node.
func relay(listener net.Listener, address string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer server.Close()
			done := make(chan struct{}, 2)
			carry := func(to, from net.Conn) {
				io.Copy(to, from)
				to.(*net.TCPConn).CloseWrite()
				done <- struct{}{}
			}
			go carry(server, client)
			go carry(client, server)
			<-done
			<-done
		}()
	}
}
