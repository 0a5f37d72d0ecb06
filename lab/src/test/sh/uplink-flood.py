# One guest's UDP flows through the uplink as Uplink.java starts it: what a neighbour, a caller and the host
# have left. In a network namespace of its own (root):
#   unshare -n sh -c 'ip link set lo up; ip addr add 10.9.0.1/24 dev lo
#     [echo 32768 44767 > /proc/sys/net/ipv4/ip_local_port_range]
#     ulimit -n $(ulimit -Hn); python3 uplink-flood.py FLOWS ENGINE [ARGUMENTS]'
import functools
print=functools.partial(print,flush=True)
import socket,struct,subprocess,time,os,sys,resource
import tempfile
d=tempfile.mkdtemp()
N=int(sys.argv[1])
for f in ('s','q'):
    try: os.unlink(d+'/'+f)
    except FileNotFoundError: pass
env=dict(os.environ)
p=subprocess.Popen(sys.argv[2:]+("-netdev user,id=world,ipv6=off,net=192.0.0.0/29,hostfwd=tcp:127.42.9.4:10022-172.31.0.5:22 -M none -nodefaults -no-user-config -display none -name uplink -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny -netdev hubport,id=outside,hubid=0,netdev=world -netdev hubport,id=inside,hubid=0,netdev=card -mon chardev=qmp,mode=control -netdev stream,id=card,server=on,addr.type=unix,addr.path="+d+"/s -chardev socket,id=qmp,server=on,wait=off,path="+d+"/q").split())
for i in range(100):
    try:
        s=socket.socket(socket.AF_UNIX); s.connect(d+'/s'); break
    except OSError: time.sleep(.1)
sink=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); sink.bind(('10.9.0.7',9))
def csum(b):
    if len(b)%2: b+=b'\0'
    t=sum(struct.unpack('>%dH'%(len(b)//2),b)); t=(t>>16)+(t&0xffff); t+=t>>16
    return ~t&0xffff
def ip(a): return socket.inet_aton(a)
def udp(src,sport,dst,dport,data):
    u=struct.pack('>HHHH',sport,dport,8+len(data),0)+data
    h=struct.pack('>BBHHHBBH4s4s',0x45,0,20+len(u),0,0,64,17,0,ip(src),ip(dst))
    h=h[:10]+struct.pack('>H',csum(h))+h[12:]
    return bytes.fromhex('5255c0000002')+bytes.fromhex('0e00ac1f0000')+b'\x08\0'+h+u
lock=__import__('threading').Lock()
def send(f):
    with lock: s.sendall(struct.pack('>I',len(f))+f)
import threading,queue
frames=queue.Queue()
def reader():
    r=s.makefile('rb',buffering=1<<20)
    while True:
        h=r.read(4)
        if len(h)<4: return
        f=r.read(struct.unpack('>I',h)[0])
        if f[12:14]==b'\x08\x06': arpreply(f)
        else: frames.put(f)
def recv(timeout):
    try: return frames.get(timeout=timeout)
    except queue.Empty: return None
def arpreply(f):
    sm=f[6:12]; spa=f[28:32]; tpa=f[38:42]
    me=bytes.fromhex('0e00ac1f0000')
    send(sm+me+b'\x08\x06'+struct.pack('>HHBBH',1,0x800,6,4,2)+me+tpa+sm+spa)
threading.Thread(target=reader,daemon=True).start()
# echo server on host (10.9.0.1:7)
e=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); e.bind(('10.9.0.1',7)); 
def echo(label,timeout=20):
    t=time.time(); send(udp('172.31.0.5',5000,'10.9.0.1',7,b'hello'))
    e.settimeout(timeout)
    try: data,a=e.recvfrom(100)
    except (TimeoutError,socket.timeout): print(label,'NEIGHBOUR: no packet reached its server in %d s'%timeout); return
    e.sendto(data,a)
    while True:
        f=recv(timeout)
        if f is None: print(label,'NEIGHBOUR: no answer'); return
        if f[12:14]==b'\x08\x06': arpreply(f); continue
        if f[23]==17 and f[30:34]==ip('172.31.0.5'): break
    print(label,'neighbour: round trip %.1f ms'%(1000*(time.time()-t)))
def newflow(label,port):
    t=time.time(); send(udp('172.31.0.5',port,'10.9.0.1',7,b'new'))
    e.settimeout(20)
    try: data,a=e.recvfrom(100); print(label,'neighbour: a NEW flow arrives after %.1f ms'%(1000*(time.time()-t)))
    except (TimeoutError,socket.timeout): print(label,'neighbour: a NEW flow does not arrive in 20 s')
def host(label):
    h=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
    try: h.sendto(b'x',('10.9.0.9',53)); print(label,'host: a UDP socket of its own sends')
    except OSError as x: print(label,'HOST: a UDP socket of its own cannot send:',x)
    h.close()
def caller(label):
    while not frames.empty(): frames.get()
    c=socket.socket(); c.settimeout(5)
    try: c.connect(('127.42.9.4',10022))
    except OSError as x: print(label,'caller: connect:',x); return
    end=time.time()+10
    while time.time()<end:
        f=recv(end-time.time()) if end>time.time() else None
        if f is None: break
        if f[23]==6 and f[30:34]==ip('172.31.0.5') and f[47]&2: print(label,'caller of a neighbour (forwarded port): its SYN arrives'); return
    print(label,'CALLER of a neighbour (forwarded port): nothing arrives in 10 s'); c.close()
caller('before'); echo('before'); newflow('before',5001); host('before')
t=time.time()
for i in range(N):
    try: send(udp('172.31.0.4',1024+i,'10.9.0.7',9,b'flood'))
    except (TimeoutError,socket.timeout): print('after %d frames the uplink takes none for 5 s'%i); break
print('%d frames of one guest in %.1f s'%(N,time.time()-t))
for i in range(60):
    n=len(open('/proc/%d/net/udp'%p.pid).read().splitlines())-1
    time.sleep(1)
    m=len(open('/proc/%d/net/udp'%p.pid).read().splitlines())-1
    if n==m: break
print('UDP sockets of the namespace:',m,'; descriptors of the uplink:',len(os.listdir('/proc/%d/fd'%p.pid)), open('/proc/%d/limits'%p.pid).read().split('Max open files')[1].split('\n')[0].split())
host('after'); newflow('after',5002); echo('after')
c=open('/proc/%d/stat'%p.pid).read().split(); time.sleep(3); c2=open('/proc/%d/stat'%p.pid).read().split()
print('uplink CPU while nobody sends: %d %%'%((int(c2[13])+int(c2[14])-int(c[13])-int(c[14]))/3))
echo('later'); caller('later 1'); caller('later 2'); caller('later 3')
c=open('/proc/%d/stat'%p.pid).read().split(); time.sleep(3); c2=open('/proc/%d/stat'%p.pid).read().split()
print('uplink CPU with a caller in its backlog: %d %%'%((int(c2[13])+int(c2[14])-int(c[13])-int(c[14]))/3))
p.kill()
